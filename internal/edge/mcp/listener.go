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
	session *session // nil in the stateless era
	// about is the member of params that says to which request the messages
	// belong; nil: they belong to none.
	about   []byte
	kinds   []toldKind
	last    []byte // what is said when the gateway stops; nil: nothing
	watches *watches
	tasks   *toldTasks    // nil: of none
	turn    chan struct{} // it became another's turn to speak, or ours
}

func newListener(x *exchange) *listener {
	return &listener{exchange: x, watches: newWatches(), turn: make(chan struct{}, 1)}
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
	begin := wire.AppendComment(nil)
	if message := first(); message != nil {
		begin, _ = wire.AppendEvent(nil, wire.Event{Data: message}) // without name and id there is nothing to refuse
	}
	l.beginEvents()
	if l.pushWithin(begin, hearing) {
		l.follow(changed)
	}
}

// look sees the lists as they are, before anything is told of them.
func (l *listener) look() {
	for i := range l.kinds {
		l.kinds[i].seen = l.fingerprints(l.kinds[i].listKind)
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
	record, stop := l.listenToRecord()
	defer stop()
	l.adjust()
	recheck := time.NewTicker(rechecking)
	defer recheck.Stop()
	for beat := 1; ; {
		goesOn := true
		select {
		case <-l.r.Context().Done():
			return
		case <-l.changes.closed:
			if l.last != nil {
				l.say(l.last)
			}
			return
		case <-changed:
			changed = l.changes.wait()
			goesOn = l.mayListen() && l.tellLists()
			l.adjust()
		case <-record:
			l.adjust()
		case <-l.turn:
			l.adjust()
		case <-l.watches.news:
			goesOn = l.mayListen() && l.tellUpdates()
		case <-l.tasks.heard():
			goesOn = l.mayListen() && l.tellTasks()
		case <-recheck.C:
			beat++
			goesOn = l.recheck() && (beat%keepingAlive != 0 || l.pushWithin(wire.AppendComment(nil), hearing))
		}
		if !goesOn {
			return
		}
	}
}

// listenToRecord tells when the session's record changes.
func (l *listener) listenToRecord() (changed <-chan struct{}, stop func()) {
	if l.session == nil {
		return nil, func() {}
	}
	leave := l.speakers.join(l)
	changed, forget := l.sessions.notify(l.session.Key)
	return changed, func() { leave(); forget() }
}

// recheck asks who is there, and tells what another right has changed.
func (l *listener) recheck() bool {
	before := l.who
	if !l.mayListen() {
		return false
	}
	if l.who == before || l.who.Anonymous && l.who.Epochs == before.Epochs {
		return true
	}
	l.adjust()
	return l.tellLists()
}

// mayListen asks again who is there. A fault ends the stream too.
func (l *listener) mayListen() bool {
	p, err := l.identify(l.r.Context())
	if err != nil || p == nil || !p.For(l.resource) {
		return false
	}
	l.who = p
	if l.session == nil {
		return true
	}
	_, err = l.sessions.check(l.r.Context(), l.session.Key)
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

// speaks says whether it is this stream's turn: what belongs to no request is
// said on one stream of a session only ("MUST NOT broadcast the same message
// across multiple streams", 2025-11-25 basic/transports, multiple
// connections).
func (l *listener) speaks() bool { return l.session == nil || l.speakers.speaks(l) }

// say writes one message; false means that the client is gone or reads too
// slowly.
func (l *listener) say(message []byte) bool {
	raw, err := wire.AppendEvent(nil, wire.Event{Data: message})
	return err == nil && l.pushWithin(raw, hearing)
}
