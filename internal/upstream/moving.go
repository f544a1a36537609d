package upstream

import (
	"context"
	"slices"
	"sync"
)

// A movable is a watch that goes on when its app becomes another.
type movable struct {
	fleet *Fleet
	app   string
	who   Caller
	w     Watch

	mu     sync.Mutex
	now    Watching
	closed bool
}

// Watch has app tell of changes of a resource, over the connection of who. An
// upstream is asked once for all who watch one resource over one connection,
// and again when a connection is made anew.
func (f *Fleet) Watch(app string, who Caller, w Watch) Watching {
	m := &movable{fleet: f, app: app, who: who, w: w}
	f.mu.Lock()
	defer f.mu.Unlock()
	m.now = f.watch(m)
	f.watching[m] = true
	return m
}

// watch begins to do so at the app of now.
func (f *Fleet) watch(m *movable) Watching {
	a, ok := f.app(m.app)
	if !ok {
		return noWatching{fault(m.app, "watch", Unsent(ErrUnknownApp))}
	}
	return a.joinVigil(a.keyOf(m.who, Request{Sessions: m.w.Sessions, Asks: m.w.Asks}), m.w)
}

// moveWatches takes those of apps that have gone to the apps of now.
func (f *Fleet) moveWatches(gone []*app) {
	for m := range f.watching {
		if slices.ContainsFunc(gone, func(a *app) bool { return a.spec.App == m.app }) {
			m.move()
		}
	}
}

func (m *movable) move() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	old := m.now
	m.now = m.fleet.watch(m)
	old.Close()
}

func (m *movable) Ready(ctx context.Context) error {
	m.mu.Lock()
	now := m.now
	m.mu.Unlock()
	return now.Ready(ctx)
}

func (m *movable) Close() {
	m.fleet.mu.Lock()
	delete(m.fleet.watching, m)
	m.fleet.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.now.Close()
}
