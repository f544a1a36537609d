package mcp

import (
	"net/http"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// rechecking is how often an open stream asks whether its caller may
	// still listen, and hearing how long a client may take to read what one
	// says: together the time within which a revocation ends it.
	rechecking = time.Second / 2
	hearing    = time.Second / 2
	// keepingAlive is after how many of these a comment is sent, so that
	// nobody between takes the connection for dead.
	keepingAlive = 30
	// maxStreams bounds the streams of this process, and maxOwn those of one
	// person, so that nobody takes all of them.
	maxStreams = 10_000
	maxOwn     = 100
)

// changes tells open streams that the lists became others.
type changes struct {
	mu      sync.Mutex
	next    chan struct{} // closed at the next change
	closed  chan struct{} // closed at the end
	once    sync.Once
	streams int
	own     map[owner]int
}

// An owner is whose a stream is.
type owner struct {
	tenant  ostiary.Tenant
	subject ostiary.Subject
}

func (c *changes) init() {
	c.next, c.closed, c.own = make(chan struct{}), make(chan struct{}), map[owner]int{}
}

func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.next)
	c.next = make(chan struct{})
}

func (c *changes) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

func (c *changes) close() { c.once.Do(func() { close(c.closed) }) }

// join counts a stream; false when there are too many or the end has come.
func (c *changes) join(o owner) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
		return false
	default:
	}
	if c.streams >= maxStreams || c.own[o] >= maxOwn {
		return false
	}
	c.streams++
	c.own[o]++
	return true
}

func (c *changes) leave(o owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams--
	if c.own[o]--; c.own[o] == 0 {
		delete(c.own, o)
	}
}

// get is the stream of a transport session on which a server says what
// belongs to no request (2025-11-25 basic/transports, listening for messages
// from the server).
func (x *exchange) get() {
	if values := x.r.Header[wire.HeaderVersion]; len(values) == 1 && wire.Stateless(values[0]) {
		x.notAllowed()
		return
	}
	if !x.accepts("text/event-stream") {
		x.write(x.failed(http.StatusNotAcceptable, nil, wire.CodeInvalidRequest, "Accept must list text/event-stream."))
		return
	}
	if !x.admitted() || !x.stays(nil) {
		return
	}
	t, _, refusal := x.session(nil)
	if refusal != nil {
		x.write(*refusal)
		return
	}
	from, ok := x.lastEvent(t)
	if !ok {
		x.write(x.failed(http.StatusBadRequest, nil, wire.CodeInvalidRequest, "Last-Event-ID is not of an event of this session. Listen without it."))
		return
	}
	if from.Stream != "" {
		x.resume(t, from)
		return
	}
	l := newListener(x)
	l.session, l.from = t, from.Lists
	for _, kind := range listKinds {
		l.tellOf(kind, nil)
	}
	l.run(func() []byte { return nil })
}
