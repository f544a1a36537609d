package mcp

import (
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

// A listener is one open stream, on which a caller hears what belongs to no
// request. Its fields belong to the goroutine of its request.
type listener struct {
	*exchange
	session *session      // nil in the stateless era
	from    []fingerprint // of the lists that the client knows; nil: those of now
	// about is the member of params that says to which request the messages
	// belong; nil: they belong to none.
	about   []byte
	kinds   []toldKind
	last    []byte // what is said when the gateway stops; nil: nothing
	watches *watches
	tasks   *toldTasks // nil: of none
	turn    *turn      // to speak; nil in the stateless era
}

func newListener(x *exchange) *listener {
	return &listener{exchange: x, watches: newWatches()}
}

// A listKind is a kind of list that changes are told of.
type listKind struct {
	filter string // as subscriptions/listen names it
	method string
	lists  []memberOf
}

// A memberOf is one list that a client asks for.
type memberOf struct {
	member string
	of     func(*catalogue.Snapshot, catalogue.Endpoint) []*catalogue.Offer
}

var (
	tools     = memberOf{"tools", (*catalogue.Snapshot).Tools}
	prompts   = memberOf{"prompts", (*catalogue.Snapshot).Prompts}
	resources = memberOf{"resources", (*catalogue.Snapshot).Resources}
	templates = memberOf{"resourceTemplates", (*catalogue.Snapshot).Templates}
)

var listKinds = []listKind{
	{"toolsListChanged", wire.MethodToolsChanged, []memberOf{tools}},
	{"promptsListChanged", wire.MethodPromptsChanged, []memberOf{prompts}},
	{"resourcesListChanged", wire.MethodResourcesChanged, []memberOf{resources, templates}},
}

// A toldKind is a kind of list that a stream tells of.
type toldKind struct {
	listKind
	raw  []byte        // the message
	seen []fingerprint // of the lists, as the caller last knew them
}

// tellOf has the stream tell of a kind of list. params are of the message.
func (l *listener) tellOf(kind listKind, params []byte) {
	l.kinds = append(l.kinds, toldKind{listKind: kind, raw: wire.AppendRequest(nil, nil, kind.method, params)})
}

// run streams until the client goes, may listen no longer, or the gateway
// stops. first makes the message that the stream begins with, once it has a
// place; nil: none.
func (l *listener) run(first func() []byte) {
	whose := ownerOf(l.who)
	if !l.changes.join(whose) {
		l.write(l.failed(http.StatusServiceUnavailable, nil, wire.CodeInternalError, "No more streams can be held open."))
		return
	}
	defer l.changes.leave(whose)
	defer l.watches.close()
	defer func() { l.tasks.close() }()
	changed := l.changes.wait()
	l.look()
	message := first()
	l.beginEvents()
	if l.begin(message) {
		l.follow(changed)
	}
}

// begin says the first message. Without one, a client that knows of that
// learns from where it can go on ("servers SHOULD immediately send an SSE
// event consisting of an event ID and an empty data field", 2025-11-25
// basic/transports); others are given a comment, so that they see the stream.
func (l *listener) begin(message []byte) bool {
	if message == nil && !l.knowsOfEmptyEvents() {
		return l.pushWithin(wire.AppendComment(nil), hearing)
	}
	return l.say(message)
}

func (l *listener) knowsOfEmptyEvents() bool {
	return l.session != nil && l.session.Version == wire.Version20251125
}

// comingBack is when a client may come back whose stream ends because the
// gateway stops.
const comingBack = time.Second

// farewell says that the stream ends as it should, in the manner of its era.
func (l *listener) farewell() {
	switch {
	case l.last != nil:
		l.say(l.last)
	case l.knowsOfEmptyEvents():
		l.pushWithin(l.sessions.event(l.position(), nil, comingBack), hearing)
	}
}

// look sees the lists as the client knows them, or as they are, before
// anything is told of them.
func (l *listener) look() {
	known := l.from
	for i := range l.kinds {
		k := &l.kinds[i]
		if k.seen = l.fingerprints(k.listKind); len(known) >= len(k.seen) {
			k.seen, known = known[:len(k.seen)], known[len(k.seen):]
		}
	}
}

func (l *listener) fingerprints(k listKind) []fingerprint {
	var all []fingerprint
	for _, m := range k.lists {
		all = append(all, l.visible(l.r.Context(), m).fingerprint())
	}
	return all
}

func (l *listener) follow(changed <-chan struct{}) {
	record, turns, stop := l.listenToSession()
	defer stop()
	l.adjust()
	if l.from != nil && !l.tellLists() {
		return
	}
	recheck := time.NewTicker(rechecking)
	defer recheck.Stop()
	for beat := 1; ; {
		goesOn := true
		select {
		case <-l.r.Context().Done():
			return
		case <-l.changes.closed:
			l.farewell()
			return
		case <-changed:
			changed = l.changes.wait()
			goesOn = l.mayListen(l.session) && l.tellLists()
			l.adjust()
		case <-record:
			l.adjust()
		case <-turns:
			l.turn.look(l.r.Context())
			l.adjust()
		case <-l.watches.news:
			goesOn = l.mayListen(l.session) && l.tellUpdates()
		case <-l.tasks.heard():
			goesOn = l.mayListen(l.session) && l.tellTasks()
		case <-recheck.C:
			beat++
			goesOn = l.recheck() && (beat%keepingAlive != 0 || l.pushWithin(wire.AppendComment(nil), hearing))
		}
		if !goesOn {
			return
		}
	}
}

// listenToSession tells when the session's record changes, and when it may be
// another stream's turn to speak.
func (l *listener) listenToSession() (record, turns <-chan struct{}, stop func()) {
	if l.session == nil {
		return nil, nil, func() {}
	}
	record, forget := l.sessions.bells.listen(l.sessions.table.Key(l.session.Key))
	l.turn = l.takeTurn(l.r.Context(), l.session)
	return record, l.turn.rings, func() { l.turn.pass(l.r.Context()); forget() }
}

// recheck asks who is there, and tells what another right has changed.
func (l *listener) recheck() bool {
	before := l.who
	if !l.mayListen(l.session) {
		return false
	}
	if l.who == before || l.who.Anonymous && l.who.Epochs == before.Epochs {
		return true
	}
	l.adjust()
	return l.tellLists()
}

// mayListen asks again who is there. A fault ends the stream too.
func (x *exchange) mayListen(t *session) bool {
	p, err := x.identify(x.r.Context())
	if err != nil || p == nil || !p.For(x.resource) {
		return false
	}
	x.who = p
	if t == nil {
		return true
	}
	_, err = x.sessions.check(x.r.Context(), t.Key)
	return err == nil
}

// tellLists says which lists are not what they were, for this caller.
func (l *listener) tellLists() bool {
	for i := range l.kinds {
		k := &l.kinds[i]
		now := l.fingerprints(k.listKind)
		same := slices.Equal(k.seen, now)
		k.seen = now
		if !same && l.speaks() && !l.say(k.raw) {
			return false
		}
	}
	return true
}

func (l *listener) speaks() bool { return l.turn == nil || !l.turn.silent }

// say writes one message; false means that the client is gone or reads too
// slowly.
func (l *listener) say(message []byte) bool {
	if l.session == nil {
		raw, err := wire.AppendEvent(nil, wire.Event{Data: message})
		return err == nil && l.pushWithin(raw, hearing)
	}
	return l.pushWithin(l.sessions.event(l.position(), message, 0), hearing)
}

// position is what the client has heard by now.
func (l *listener) position() eventID {
	id := eventID{Session: l.session.Key}
	for _, k := range l.kinds {
		id.Lists = append(id.Lists, k.seen...)
	}
	return id
}
