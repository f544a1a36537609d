package mcp

import (
	"bytes"
	"context"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// A replay is the event stream of one answer in an era with sessions, whose
// client may lose it and take it up again (2025-11-25 basic/transports,
// resumability and redelivery). What happens in between waits here, as far as
// there is room; an answer that nobody heard is kept in storage.
type replay struct {
	*Handler
	session *session
	id      string        // of the stream; nobody can guess it
	ended   chan struct{} // closed when all was said

	mu   sync.Mutex
	out  *exchange // who hears it now; nil: nobody
	said int       // how many messages there were
	kept []keptMessage
	size int // of what is kept, in bytes
}

type keptMessage struct {
	n   int
	raw []byte
}

// Bounds of what waits for one stream to be taken up again; the oldest goes
// first.
const (
	keptMessages = waitingEvents
	keptBytes    = 256 << 10
)

// newReplay begins the stream with the response to the request itself.
func newReplay(x *exchange, t *session) *replay {
	r := &replay{Handler: x.Handler, session: t, id: ostiary.NewID("evs"), out: x, ended: make(chan struct{})}
	x.replays.add(r)
	return r
}

// say writes one message, or keeps it for who comes back, and says whether
// somebody heard it. nil keeps the connection open.
func (r *replay) say(raw []byte) (heard bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if raw == nil {
		return r.write(wire.AppendComment(nil))
	}
	r.said++
	r.keep(keptMessage{r.said, raw})
	return r.writeMessage(r.said, raw)
}

func (r *replay) writeMessage(n int, raw []byte) bool {
	return r.write(r.sessions.event(r.session.inAnswer(r.id, n), raw, 0))
}

// write gives a client up that is gone or reads too slowly.
func (r *replay) write(raw []byte) bool {
	if r.out != nil && (r.out.r.Context().Err() != nil || !r.out.push(raw)) {
		r.out = nil
	}
	return r.out != nil
}

func (r *replay) keep(m keptMessage) {
	r.kept = append(r.kept, m)
	r.size += len(m.raw)
	for len(r.kept) > keptMessages || r.size > keptBytes && len(r.kept) > 1 {
		r.size -= len(r.kept[0].raw)
		r.kept = r.kept[1:]
	}
}

// attach has another response hear what comes, and first what came after the
// message that its client heard last.
func (r *replay) attach(x *exchange, after int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = x
	for _, m := range r.kept {
		if m.n > after && !r.writeMessage(m.n, m.raw) {
			return
		}
	}
}

// detach comes before the end of a response: nothing may be written to it any
// more.
func (r *replay) detach(x *exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out == x {
		r.out = nil
	}
}

// finish says the answer. One that nobody heard is kept.
func (r *replay) finish(ctx context.Context, message []byte) {
	if !r.say(message) {
		r.unheard.keep(context.WithoutCancel(ctx), r.session, eventID{Stream: r.id, N: r.said}, message)
	}
}

func (r *replay) end() {
	r.replays.remove(r)
	close(r.ended)
}

// replays are the streams that can be taken up again here. The zero value is
// ready.
type replays struct {
	mu   sync.Mutex
	open map[string]*replay
}

func (s *replays) add(r *replay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]*replay{}
	}
	s.open[r.id] = r
}

func (s *replays) remove(r *replay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, r.id)
}

// find returns a stream of a session; nil: there is none here.
func (s *replays) find(t *session, id string) *replay {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.open[id]; r != nil && r.session.Key == t.Key {
		return r
	}
	return nil
}

// next is who hears what is said next, nil for nobody, and the first line of
// the event that says it.
func (r *replay) next() (x *exchange, id []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	event := r.sessions.event(r.session.inAnswer(r.id, r.said+1), nil, 0)
	id, _, _ = bytes.Cut(event, []byte("data:"))
	return r.out, id
}

// pour writes a piece of the next event. It is lost where somebody else hears
// the stream by now, or nobody.
func (r *replay) pour(x *exchange, piece []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out == x && !x.pour(piece) {
		r.out = nil
	}
	return r.out == x
}

// poured counts an answer that was said in pieces. One that nobody heard to
// its end is kept, where it is not too large.
func (r *replay) poured(ctx context.Context, l *large) {
	if !l.lost {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said++
		return
	}
	if len(l.spoken) > maxUnheardBytes {
		r.config.Logger.Warn("an answer that its client did not hear could not be kept", "error", "it is too large")
		return
	}
	r.finish(ctx, l.spoken)
}
