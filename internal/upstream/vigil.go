package upstream

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// firstPause and lastPause bound the time between two tries to watch.
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// A vigil watches resources over one connection, for all who want to hear of
// their changes there. It runs as long as somebody does.
type vigil struct {
	app *app
	key key

	mu     sync.Mutex
	wishes map[string]*wish
	kicked chan struct{} // the wishes changed
}

// vigils are those of an app that run. The zero value is ready.
type vigils struct {
	mu     sync.Mutex
	by     map[key]*vigil
	beside Group
}

// joinVigil joins the vigil over a connection, or begins one.
func (a *app) joinVigil(k key, w Watch) Watching {
	a.vigils.mu.Lock()
	defer a.vigils.mu.Unlock()
	v := a.vigils.by[k]
	if v != nil {
		return v.join(w)
	}
	v = &vigil{app: a, key: k, wishes: map[string]*wish{}, kicked: make(chan struct{}, 1)}
	joined := v.join(w)
	if !a.vigils.beside.Go(func() { v.run(a.pool.ctx) }) {
		return noWatching{fault(a.spec.App, "watch", Unsent(ErrClosed))}
	}
	if a.vigils.by == nil {
		a.vigils.by = map[key]*vigil{}
	}
	a.vigils.by[k] = v
	return joined
}

func (v *vigil) join(w Watch) Watching {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.wishes[w.URI]
	if of == nil || of.err != nil { // a no may have been for a while
		renewed := &wish{uri: w.URI, answered: make(chan struct{})}
		if of != nil {
			renewed.watchers = of.watchers
		}
		of = renewed
		v.wishes[w.URI] = of
	}
	of.left = time.Time{}
	one := &watching{v, of, w}
	of.watchers = append(of.watchers, one)
	v.kick()
	return one
}

func (v *vigil) leave(w *watching) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.wish.remove(w)
	if now := v.wishes[w.wish.uri]; now != nil {
		now.remove(w)
		if len(now.watchers) == 0 {
			now.left = v.app.pool.clock.Now()
			v.kick()
		}
	}
}

func (v *vigil) kick() {
	select {
	case v.kicked <- struct{}{}:
	default:
	}
}

func (v *vigil) refusal(w *wish) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return w.err
}

// answer tells those who wait what the upstream said of a resource.
func (v *vigil) answer(w *wish, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.err = err
	select {
	case <-w.answered:
	default:
		close(w.answered)
	}
}

func (v *vigil) answerAll(err error) {
	for _, w := range v.wanted() {
		v.answer(w, err)
	}
}

// wanted are the resources that are to be watched now, sorted. Those that
// nobody wanted for a while are forgotten.
func (v *vigil) wanted() []*wish {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []*wish
	for uri, w := range v.wishes {
		if !w.left.IsZero() && v.app.pool.clock.Now().Sub(w.left) >= lingering {
			delete(v.wishes, uri)
			continue
		}
		all = append(all, w)
	}
	slices.SortFunc(all, func(x, y *wish) int { return cmp.Compare(x.uri, y.uri) })
	return all
}

// updated tells all who want to hear of a change.
func (v *vigil) updated(uri string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.wishes {
		if !w.concerns(uri) {
			continue
		}
		for _, one := range w.watchers {
			one.w.Updated(uri)
		}
	}
}

// run watches until nobody wants it any more. A connection that ends is made
// again, after a while.
func (v *vigil) run(ctx context.Context) {
	for failures := 0; ; failures++ {
		began := v.app.pool.clock.Now()
		err := v.attempt(ctx)
		if v.ended(ctx) {
			return
		}
		if v.app.pool.clock.Now().Sub(began) > steadyAfter {
			failures = 0
		}
		pause := min(firstPause<<min(failures, 10), lastPause)
		v.app.log.Debug("resources are not watched", "error", err, "again_in", pause)
		v.answerAll(fault(v.app.spec.App, "watch", err))
		v.rest(ctx, pause)
	}
}

// ended says whether there is nothing more to watch, and nobody can join any
// more.
func (v *vigil) ended(ctx context.Context) bool {
	all := &v.app.vigils
	all.mu.Lock()
	defer all.mu.Unlock()
	if ctx.Err() == nil && len(v.wanted()) > 0 {
		return false
	}
	delete(all.by, v.key)
	v.answerAll(fault(v.app.spec.App, "watch", Unsent(ErrClosed)))
	return true
}

func (v *vigil) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// attempt watches over one connection, until that ends. It holds the
// connection without using it: a call that needs its place gets it.
func (v *vigil) attempt(ctx context.Context) error {
	c, s, err := v.app.pool.acquire(ctx, v.key)
	if err != nil {
		return err
	}
	v.app.pool.hold(s, c)
	defer v.app.pool.unhold(s)
	c.vigil.Store(v)
	defer c.vigil.CompareAndSwap(v, nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)() // it is retired
	if !c.subscribes() {
		v.answerAll(ErrNoSubscriptions)
		return ErrNoSubscriptions
	}
	if wire.Stateless(c.version) {
		return (&hearer{vigil: v, conn: c}).keep(ctx)
	}
	return (&subscriber{vigil: v, conn: c, has: map[string]*wish{}}).keep(ctx)
}

// subscribes says whether the upstream tells of changes of resources. In the
// stateless era only the connection that lists come over has asked.
func (c *conn) subscribes() bool {
	if wire.Stateless(c.version) {
		lists, _ := c.app.lists.current()
		return lists.Subscribes
	}
	return c.has.subscribes()
}

// await waits until the wishes may have changed; false once the connection is
// of no use any more.
func (v *vigil) await(ctx context.Context, c *conn, more <-chan struct{}) bool {
	tick := time.NewTicker(lingering)
	defer tick.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-c.link.Done():
		return false
	case <-v.kicked:
	case <-more:
	case <-tick.C:
	}
	return true
}
