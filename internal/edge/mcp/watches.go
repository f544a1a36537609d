package mcp

import (
	"slices"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A watched is a resource of an app that a stream hears of.
type watched struct{ app, uri string }

// An update says that a resource has changed: the one that is watched, or a
// part of it.
type update struct {
	watched
	part string // its URI
}

// maxUpdates is how many changes wait for a client that reads slowly; more
// are dropped. Two of one resource are one.
const maxUpdates = 256

// watches are the resources that a stream hears of, and what is to be told of
// them. They may be used concurrently.
type watches struct {
	news chan struct{} // there is something to tell

	mu      sync.Mutex
	open    map[watched]upstream.Watching
	pending []update
}

func newWatches() *watches {
	return &watches{news: make(chan struct{}, 1), open: map[watched]upstream.Watching{}}
}

// add notes a change. It does not block.
func (w *watches) add(u update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) >= maxUpdates || slices.Contains(w.pending, u) {
		return
	}
	w.pending = append(w.pending, u)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// take returns what is to be told.
func (w *watches) take() []update {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.pending
	w.pending = nil
	return all
}

// keep holds a watch that was begun.
func (w *watches) keep(of watched, begun upstream.Watching) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[of] = begun
}

func (w *watches) has(of watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[of] != nil
}

func (w *watches) drop(of watched) {
	w.mu.Lock()
	begun := w.open[of]
	delete(w.open, of)
	w.mu.Unlock()
	if begun != nil {
		begun.Close() // waits for who is just telling, and so must not be waited for
	}
}

// only ends all watches but those.
func (w *watches) only(wanted map[watched]bool) {
	w.mu.Lock()
	var gone []watched
	for of := range w.open {
		if !wanted[of] {
			gone = append(gone, of)
		}
	}
	w.mu.Unlock()
	for _, of := range gone {
		w.drop(of)
	}
}

func (w *watches) close() { w.only(nil) }

// watch has the stream hear of a resource.
func (l *listener) watch(of watched) upstream.Watching {
	begun := l.watchFor(l.session, l.who, of, func(part string) { l.watches.add(update{of, part}) })
	l.watches.keep(of, begun)
	return begun
}

// watchFor has an app tell of a resource, over the connection that the calls of
// a session are made over; nil: of the stateless era.
func (h *Handler) watchFor(t *session, who *ostiary.Principal, of watched, updated func(part string)) upstream.Watching {
	w := upstream.Watch{URI: of.uri, Updated: updated}
	if t != nil {
		w.Sessions, w.Asks = true, h.allowed(of.app)&t.Asks
	}
	return h.config.Upstreams.Watch(of.app, upstream.Caller{Tenant: who.Tenant, Subject: who.Subject}, w)
}

// adjust has the stream of a session hear of what the session subscribes to,
// as far as its caller may know of it, and of nothing while another stream
// speaks.
func (l *listener) adjust() {
	if l.session == nil {
		return
	}
	rec, err := l.sessions.of(l.r.Context(), l.session.Key)
	if err != nil {
		return // as before; whether it goes on is asked elsewhere
	}
	wanted := map[watched]bool{}
	for uri, app := range rec.URIs {
		if of := (watched{app, uri}); l.speaks() && l.sees(app, uri) {
			wanted[of] = true
		}
	}
	l.watches.only(wanted)
	for of := range wanted {
		if !l.watches.has(of) {
			l.watch(of)
		}
	}
}

// sees says whether the caller may know of a resource of an app now.
func (l *listener) sees(app, uri string) bool {
	tool := l.config.Catalogue.Readable(l.endpoint, uri)
	return tool != nil && tool.App == app && l.config.Guard.Visible(l.r.Context(), l.who, tool, l.resource)
}

// tellUpdates says what has changed, as far as the caller may know of it now.
// Of a part that they can't read the whole is told.
func (l *listener) tellUpdates() bool {
	for _, u := range l.watches.take() {
		if !l.speaks() || !l.watches.has(u.watched) || !l.sees(u.app, u.uri) {
			continue
		}
		if u.part != u.uri && !l.sees(u.app, u.part) {
			u.part = u.uri
		}
		params := l.params(append(wire.AppendString(nil, "uri"), append([]byte{':'}, wire.AppendString(nil, u.part)...)...))
		if !l.say(wire.AppendRequest(nil, nil, wire.MethodResourceUpdated, params)) {
			return false
		}
	}
	return true
}
