package mcp

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// writingTime is how long a client may take to read one event.
	writingTime = 30 * time.Second
	// waitingEvents is how many events wait for a client that reads slowly;
	// more are dropped, since they tell of progress that is no longer new.
	waitingEvents = 64
)

// events sends what happens while a call is under way. The response becomes
// an event stream with the first of them; without any it is plain JSON.
type events struct {
	x *exchange
	t *session // nil in the stateless era, where no stream is taken up again

	mu      sync.Mutex
	replay  *replay     // nil before the first event, and without a session
	queue   chan []byte // nil before the first event
	written chan struct{}
	over    bool
}

func newEvents(x *exchange, t *session) *events { return &events{x: x, t: t} }

// send hands over one notification. It never blocks and keeps nothing of raw.
func (e *events) send(raw []byte) { e.offer(raw) }

// offer hands over one message and says whether it will be written; nil is
// nothing to say, which keeps the connection open.
func (e *events) offer(raw []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return false
	}
	if e.queue == nil {
		e.queue, e.written = make(chan []byte, waitingEvents), make(chan struct{})
		if e.t != nil {
			e.replay = newReplay(e.x, e.t)
		}
		e.x.beginEvents()
		e.x.keepAsking()
		go e.run()
	}
	select {
	case e.queue <- bytes.Clone(raw):
		return true
	default:
		return false
	}
}

func (e *events) run() {
	defer close(e.written)
	for raw := range e.queue {
		switch {
		case e.replay != nil:
			e.replay.say(raw)
		case raw == nil:
			e.x.push(wire.AppendComment(nil))
		default:
			e.x.event(raw)
		}
	}
}

// finish ends the response with the answer.
func (e *events) finish(a answer) {
	switch {
	case !e.drain():
		e.x.write(a)
	case a.result == nil && a.fault == nil:
	case e.replay != nil:
		e.replay.finish(e.x.r.Context(), a.message())
	default:
		e.x.event(a.message())
	}
}

// stop ends the stream, if there is one. It may be called again, and nothing
// is written after it.
func (e *events) stop() {
	e.drain()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.replay != nil {
		e.replay.end()
		e.replay = nil
	}
}

// drain takes no more events and waits until those there are were written. It
// says whether there were any, and may be called again.
func (e *events) drain() (begun bool) {
	e.mu.Lock()
	if e.queue != nil && !e.over {
		close(e.queue)
	}
	e.over = true
	written := e.written
	e.mu.Unlock()
	if written == nil {
		return false
	}
	<-written
	return true
}

// beginEvents makes the response an event stream. Proxies are asked not to
// hold events back.
func (x *exchange) beginEvents() {
	x.begun = true
	header := x.w.Header()
	header["Content-Type"] = sseType
	header.Set("X-Accel-Buffering", "no")
	x.w.WriteHeader(http.StatusOK)
}

// event writes one message; false means that the client is gone or reads too
// slowly.
func (x *exchange) event(message []byte) bool {
	raw, err := wire.AppendEvent(nil, wire.Event{Data: message})
	return err == nil && x.push(raw)
}

func (x *exchange) push(raw []byte) bool { return x.pushWithin(raw, writingTime) }

// pushWithin writes to a client that has so long to take it.
func (x *exchange) pushWithin(raw []byte, limit time.Duration) bool {
	control := http.NewResponseController(x.w)
	if !x.mayWrite(control, ostiary.SystemClock{}.Now().Add(limit)) {
		return false
	}
	_, err := x.w.Write(raw)
	if err == nil {
		err = control.Flush()
	}
	_ = control.SetWriteDeadline(time.Time{})
	return err == nil
}
