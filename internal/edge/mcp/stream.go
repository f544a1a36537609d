package mcp

import (
	"net/http"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// rechecking is how often an open stream asks whether its caller may
	// still listen: a revocation ends it within this time.
	rechecking = time.Second
	// keepingAlive is after how many of these a comment is sent, so that
	// nobody between takes the connection for dead.
	keepingAlive = 15
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
	if !x.admitted() {
		return
	}
	_, id, refusal := x.session(nil)
	if refusal != nil {
		x.write(*refusal)
		return
	}
	l := listener{exchange: x, session: id}
	for _, kind := range listKinds {
		l.messages = append(l.messages, listMessage{kind, wire.AppendRequest(nil, nil, kind.method, nil)})
	}
	l.run(nil)
}

// A listKind is a kind of list that changes are told of.
type listKind struct {
	filter string // as subscriptions/listen names it
	method string
	of     func(*catalogue.Snapshot, catalogue.Endpoint) []*catalogue.Offer
}

var listKinds = []listKind{
	{"toolsListChanged", wire.MethodToolsChanged, (*catalogue.Snapshot).Tools},
	{"promptsListChanged", wire.MethodPromptsChanged, (*catalogue.Snapshot).Prompts},
	{"resourcesListChanged", wire.MethodResourcesChanged, (*catalogue.Snapshot).Resources},
}

// A listMessage is what a stream says when a list of its kind has changed.
type listMessage struct {
	listKind
	raw []byte
}

// listen is the stream of the stateless era (2026-07-28
// basic/patterns/subscriptions): first what was granted, then what happens,
// each with the id of the request that opened it.
func (q *question) listen() {
	l := listener{exchange: q.exchange}
	granted := []byte{'{'}
	about := append(append(wire.AppendString([]byte(`{"_meta":{`), wire.MetaSubscriptionID), ':'), q.m.ID...)
	for _, kind := range listKinds {
		if wanted, _ := wire.Lookup(q.m.Params, "notifications", kind.filter); string(wanted) != "true" {
			continue
		}
		if len(granted) > 1 {
			granted = append(granted, ',')
		}
		granted = append(wire.AppendString(granted, kind.filter), ":true"...)
		params := append(about[:len(about):len(about)], "}}"...)
		l.messages = append(l.messages, listMessage{kind, wire.AppendRequest(nil, nil, kind.method, params)})
	}
	// The answer to the request that opened the stream says that it ends as
	// it should (2026-07-28 schema, SubscriptionsListenResult).
	l.last = q.answered(append(append([]byte(`{"resultType":"complete",`), about[1:]...), "}}"...)).message()
	params := append(about[:len(about):len(about)], `},"notifications":`...)
	params = append(append(params, granted...), "}}"...)
	l.run(wire.AppendRequest(nil, nil, wire.MethodListenAcknowledged, params))
}

// A listener is one open stream.
type listener struct {
	*exchange
	session  string // whose end ends the stream; "" none
	messages []listMessage
	last     []byte // what is said when the gateway stops; nil: nothing
}

// run streams until the client goes, may listen no longer, or the gateway
// stops.
func (l *listener) run(first []byte) {
	whose := ownerOf(l.who)
	if !l.changes.join(whose) {
		l.write(l.failed(http.StatusServiceUnavailable, nil, wire.CodeInternalError, "No more streams can be held open."))
		return
	}
	defer l.changes.leave(whose)
	l.beginEvents()
	begin := wire.AppendComment(nil)
	if first != nil {
		begin, _ = wire.AppendEvent(nil, wire.Event{Data: first}) // without name and id there is nothing to refuse
	}
	if l.push(begin) {
		l.follow()
	}
}

func (l *listener) follow() {
	recheck := time.NewTicker(rechecking)
	defer recheck.Stop()
	seen, changed := l.config.Catalogue.Now(), l.changes.wait()
	for beat := 1; ; {
		select {
		case <-l.r.Context().Done():
			return
		case <-l.changes.closed:
			if l.last != nil {
				l.event(l.last)
			}
			return
		case <-changed:
			changed = l.changes.wait()
			now := l.config.Catalogue.Now()
			if !l.tell(seen, now) {
				return
			}
			seen = now
		case <-recheck.C:
			beat++
			if !l.mayListen() || beat%keepingAlive == 0 && !l.push(wire.AppendComment(nil)) {
				return
			}
		}
	}
}

// tell says which lists are not what they were.
func (l *listener) tell(before, now *catalogue.Snapshot) bool {
	for _, m := range l.messages {
		if !catalogue.Same(m.of(before, l.endpoint), m.of(now, l.endpoint)) && !l.event(m.raw) {
			return false
		}
	}
	return true
}

// mayListen asks again who is there. A fault ends the stream too.
func (l *listener) mayListen() bool {
	p, err := l.identify(l.r.Context())
	if err != nil || p == nil || !p.For(l.resource) {
		return false
	}
	if l.session == "" {
		return true
	}
	_, err = l.sessions.check(l.r.Context(), l.session)
	return err == nil
}
