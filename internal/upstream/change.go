package upstream

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

const (
	// straggling is how long an app that leaves is kept in any case: a call may
	// have been let through and not be on its way yet.
	straggling = 2 * time.Second
	// looking is how often it is seen whether calls are left.
	looking = 50 * time.Millisecond
)

// A Change is other apps for a fleet: those that stay as they are, and new
// ones in the place of those that become different. Either Apply or Abandon it.
type Change struct {
	fleet *Fleet
	apps  map[string]*app
	fresh []*app
}

// Prepare opens the way to the apps that are new or different, and begins to
// fetch their lists. Nobody can call them yet, and nothing else has changed.
// There must be one change at a time. It fails as Open does.
func (f *Fleet) Prepare(specs []Spec) (*Change, error) {
	c := &Change{fleet: f, apps: make(map[string]*app, len(specs))}
	for _, spec := range specs {
		if err := c.add(spec.completed()); err != nil {
			return nil, errors.Join(fmt.Errorf("open app %s: %w", spec.App, err), c.Abandon())
		}
	}
	for _, a := range c.fresh {
		f.beside.Go(a.watch)
	}
	return c, nil
}

func (c *Change) add(spec Spec) error {
	if c.apps[spec.App] != nil {
		return errors.New("given twice")
	}
	if now, ok := c.fleet.app(spec.App); ok && reflect.DeepEqual(now.spec, spec) {
		c.apps[spec.App] = now
		return nil
	}
	open, ok := c.fleet.options.Transports[spec.Transport]
	if !ok {
		return fmt.Errorf("no transport %q", spec.Transport)
	}
	a, err := newApp(c.fleet.ctx, spec, c.fleet.options, open)
	if err != nil {
		return err
	}
	c.apps[spec.App] = a
	c.fresh = append(c.fresh, a)
	return nil
}

// Ready waits until each new app was asked for its lists, or ctx is done. late
// is called for those that have none.
func (c *Change) Ready(ctx context.Context, late func(app string, err error)) {
	for _, a := range c.fresh {
		if err := a.lists.ready(ctx); err != nil {
			late(a.spec.App, err)
		}
	}
}

// Abandon gives back what was prepared.
func (c *Change) Abandon() error {
	for _, a := range c.fresh {
		a.rest()
	}
	return closeApps(c.fresh)
}

// Apply has the apps of the change called from an edition of the configuration
// on ([Request.Edition]). Apps that leave, or became different, take calls of
// earlier editions until those under way have returned, but no longer than
// their timeout.
func (c *Change) Apply(edition uint64) {
	f := c.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.now.Load()
	next := &crew{apps: c.apps, leaving: slices.Clone(before.leaving)}
	for _, a := range c.fresh {
		a.since = edition
	}
	var gone []*app
	for id, a := range before.apps {
		if c.apps[id] != a {
			a.until = edition
			gone = append(gone, a)
		}
	}
	next.leaving = append(next.leaving, gone...)
	f.now.Store(next)
	f.moveWatches(gone)
	for _, a := range gone {
		if !f.beside.Go(func() { f.leave(a) }) {
			_ = a.close() // so is the fleet
		}
	}
}

// leave lets the calls of an app finish, and closes it.
func (f *Fleet) leave(a *app) {
	a.rest()
	a.finish(f.ctx)
	f.mu.Lock()
	now := f.now.Load()
	left := slices.DeleteFunc(slices.Clone(now.leaving), func(other *app) bool { return other == a })
	f.now.Store(&crew{apps: now.apps, leaving: left})
	f.mu.Unlock()
	if err := a.close(); err != nil {
		a.log.Warn("close an app that has left", "error", err)
	}
}

// finish waits until no call is under way any more.
func (a *app) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(a.spec.Timeout, straggling))
	defer cancel()
	late := time.NewTimer(straggling)
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(looking)
	defer tick.Stop()
	for a.pool.busy() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			a.log.Warn("calls were cut off: the app is no longer configured as it was, and they took too long")
			return
		}
	}
}

// busy says whether a call uses a connection, or waits for one.
func (p *pool) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.slots {
		if s.users > 0 {
			return true
		}
	}
	return len(p.dropped) > 0
}
