package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// calm is the least time between two fetches of the lists.
	calm = time.Second
	// firstRetry is how long a failing upstream is left alone at first.
	firstRetry = time.Second
)

// ErrNoStream is what a Listener returns when the upstream has no stream of
// its own.
var ErrNoStream = errors.New("the upstream offers no stream")

// watch fetches the lists until the app rests: every refresh, when the
// upstream says that they changed, and sooner while they can't be fetched.
func (a *app) watch() {
	ctx := a.watching
	for failures := 0; ctx.Err() == nil; {
		pause := a.spec.Refresh
		if err := a.fetch(ctx); err != nil {
			pause = min(firstRetry<<min(failures, 10), pause)
			failures++
			if ctx.Err() == nil {
				a.log.Warn("fetch the lists", "error", err, "again_in", pause)
			}
		} else {
			failures = 0
			a.listen(ctx)
		}
		a.pool.sweep()
		a.pause(ctx, pause)
	}
}

// kick has the lists fetched soon.
func (a *app) kick() {
	select {
	case a.kicked <- struct{}{}:
	default:
	}
}

// pause waits for d or a kick, but for calm at least.
func (a *app) pause(ctx context.Context, d time.Duration) {
	calmed := time.NewTimer(min(calm, d))
	defer calmed.Stop()
	select {
	case <-calmed.C:
	case <-ctx.Done():
		return
	}
	rest := time.NewTimer(max(d-calm, 0))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-a.kicked:
	case <-ctx.Done():
	}
}

// listen opens the stream over which the upstream says that its lists
// changed, when it has one and none is open. A stream that ended is opened
// again after the next fetch.
func (a *app) listen(ctx context.Context) {
	c, s, err := a.pool.acquire(ctx, a.listKey())
	if err != nil {
		return
	}
	defer a.pool.release(s, c)
	if !c.has.announces() || c.mute.Load() || !c.listening.CompareAndSwap(false, true) {
		return
	}
	c.beside.Go(c.follow)
}

// follow listens until the stream ends.
func (c *conn) follow() {
	defer c.listening.Store(false)
	err := c.listen(c.ctx)
	if errors.Is(err, ErrNoStream) {
		c.mute.Store(true)
	} else if err != nil && c.ctx.Err() == nil {
		c.app.log.Debug("the stream of changes ended", "error", err)
	}
}

func (h capabilities) announces() bool {
	return h.tools() || h.prompts() || h.resources()
}

func (h capabilities) tools() bool     { return h.Tools != nil && h.Tools.ListChanged }
func (h capabilities) prompts() bool   { return h.Prompts != nil && h.Prompts.ListChanged }
func (h capabilities) resources() bool { return h.Resources != nil && h.Resources.ListChanged }

func (h capabilities) subscribes() bool { return h.Resources != nil && h.Resources.Subscribe }

// listen stays until the stream ends: one that subscriptions/listen answers
// with (2026-07-28 basic/patterns/subscriptions), or the one of HTTP GET.
// A child of the older era needs none.
func (c *conn) listen(ctx context.Context) error {
	if wire.Stateless(c.version) {
		reply, err := c.call(ctx, Request{Method: wire.MethodListen, Params: c.has.subscription()})
		if err == nil && reply.Err != nil {
			return ErrNoStream
		}
		return err
	}
	return c.listenSession(ctx, func() {})
}

// listenSession stays on the stream of HTTP GET; opened is called when it is
// there.
func (c *conn) listenSession(ctx context.Context, opened func()) error {
	listener, ok := c.link.(Listener)
	if !ok {
		return ErrNoStream
	}
	return listener.Listen(ctx, c.version, opened, func(m wire.Message) { c.receive(m, nil) })
}

func (h capabilities) subscription() []byte {
	params := wire.NewEdit([]byte(`{"notifications":{}}`))
	for member, wanted := range map[string]bool{
		"toolsListChanged": h.tools(), "promptsListChanged": h.prompts(), "resourcesListChanged": h.resources(),
	} {
		if wanted {
			params.Set([]byte("true"), "notifications", member)
		}
	}
	raw, err := params.Bytes()
	if err != nil {
		panic(err) // of a constant
	}
	return raw
}
