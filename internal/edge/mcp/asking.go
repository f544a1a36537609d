package mcp

import (
	"net/http"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// answering is how long a client may take to answer what an upstream
	// asked: people do, so it is no matter of seconds.
	answering = 10 * time.Minute
	// maxAsked bounds the questions of one person that are open at a time.
	maxAsked = 32
)

// asks is what an upstream may ask of the client during a call: what the
// operator allows and the client declared, if there is a way to ask it.
func (q *question) asks(app string) upstream.Asks {
	allowed := q.allowed(app)
	if allowed == 0 {
		return 0
	}
	return allowed & q.declared()
}

// A query waits for a client's answer, of which one counts.
type query interface {
	// Gone is closed when nobody waits any more.
	Gone() <-chan struct{}
	Answer(result []byte) bool
	Fail(object []byte) bool
	Refuse(code int, message string) bool
}

// allowed is what the operator lets the upstream of an app ask of clients.
func (h *Handler) allowed(app string) upstream.Asks {
	a, _ := h.config.Catalogue.App(app)
	return a.Asks
}

// An asker puts what an upstream asks during one call to the client of that
// call, on the stream of the answer (2025-11-25 basic/transports: "the server
// MAY send JSON-RPC requests and notifications before sending the JSON-RPC
// response"), and waits for the answers, which come as messages of their own.
type asker struct {
	*question
	open sync.WaitGroup
}

// newAsker makes sure that there is a stream to ask on.
func newAsker(q *question) *asker {
	if q.events == nil {
		q.events = newEvents(q.exchange, q.client.session)
	}
	return &asker{question: q}
}

func (a *asker) ask(u *upstream.Question) { a.put(u, u.Method, ownless(u.Params)) }

// put asks the client. It does not block.
func (a *asker) put(q query, method string, params []byte) {
	o := &asked{query: q, id: ostiary.NewID("ask"), session: a.client.sessionID, owner: ownerOf(a.who)}
	if !a.asking.add(o) {
		q.Refuse(wire.CodeInternalError, "too many questions wait for this person's answer")
		return
	}
	if !a.events.offer(wire.AppendRequest(nil, wire.AppendString(nil, o.id), method, params)) {
		a.asking.remove(o)
		q.Refuse(wire.CodeInternalError, "the client can't be asked just now")
		return
	}
	a.open.Go(func() { a.wait(o) })
}

// wait stays until nobody waits for the answer any more, and keeps the stream
// open until then. What was not answered is withdrawn.
func (a *asker) wait(o *asked) {
	timeout := time.NewTimer(answering)
	defer timeout.Stop()
	beat := time.NewTicker(keepingAlive * rechecking)
	defer beat.Stop()
	for {
		select {
		case <-o.query.Gone():
			if a.asking.remove(o) {
				a.withdraw(o)
			}
			return
		case <-timeout.C:
			o.query.Refuse(wire.CodeInternalError, "nobody answered in time")
		case <-beat.C:
			a.events.offer(nil)
		}
	}
}

// withdraw tells the client that its answer is not wanted any more.
func (a *asker) withdraw(o *asked) {
	params := append(wire.AppendString([]byte(`{"requestId":`), o.id), '}')
	a.events.send(wire.AppendRequest(nil, nil, wire.MethodCancelled, params))
}

// ownless takes out of a question what only the gateway may say.
func ownless(params []byte) []byte {
	meta, has := wire.Lookup(params, "_meta")
	if !has || !mentionsUs(meta) || !wire.IsObject(meta) {
		return params
	}
	cleaned, err := wire.NewEdit(params).Drop("_meta", wire.MetaDecision).Bytes()
	if err != nil {
		return nil
	}
	return cleaned
}

// An asked is a question that a client has and did not answer yet.
type asked struct {
	query   query
	id      string // ours: nobody can guess it
	session string // the only one that may answer
	owner   owner
}

// asking has the questions that clients of transport sessions have from here.
// The zero value is ready.
type asking struct {
	mu   sync.Mutex
	open map[string]*asked
	own  map[owner]int
}

func (a *asking) add(o *asked) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.own[o.owner] >= maxAsked {
		return false
	}
	if a.open == nil {
		a.open, a.own = map[string]*asked{}, map[owner]int{}
	}
	a.open[o.id] = o
	a.own[o.owner]++
	return true
}

// remove ends the wait for an answer; false where that was done already.
func (a *asking) remove(o *asked) bool { return a.take(o.id, o.session) != nil }

// take returns an open question, once, and only to the session that was asked.
func (a *asking) take(id, session string) *asked {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	if o == nil || o.session != session {
		return nil
	}
	delete(a.open, id)
	if a.own[o.owner]--; a.own[o.owner] == 0 {
		delete(a.own, o.owner)
	}
	return o
}

// responded takes a client's answer to what an upstream asked. An answer to
// anything else is dropped without a word: who guesses learns nothing.
func (q *question) responded() answer {
	if q.stateless() {
		return q.failed(http.StatusBadRequest, nil, wire.CodeInvalidRequest, "Clients of "+q.client.version+" send no responses.")
	}
	id, _ := wire.Text(q.m.ID)
	if o := q.asking.take(id, q.client.sessionID); o != nil {
		if q.m.Error != nil {
			o.query.Fail(q.m.Error)
		} else {
			o.query.Answer(q.m.Result)
		}
	}
	return accepted
}

func ownerOf(p *ostiary.Principal) owner { return owner{p.Tenant, p.Subject} }
