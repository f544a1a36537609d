package mcp

import (
	"context"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A client is what is known of who sent a message: from the message itself
// in the stateless era, from its transport session before it.
type client struct {
	version string
	// elicitsURLs: the client can show its person a link and says so.
	elicitsURLs bool
	level       upstream.LogLevel // from which it wants to hear logs; zero: none
	session     *session          // nil in the stateless era
	sessionID   string
}

// A question is one message of a client.
type question struct {
	*exchange
	m      *wire.Message
	client client
	events *events // nil while none are sent
	// streams: the response belongs to this message alone, and may become a
	// stream of events where the client takes one.
	streams bool
	task    *task.Task // what the call became; nil: none
	taskID  string     // of the task that makes this call; "" it is a client's own
	// mayEntrust: the upstream was told that it may go on with the call as a
	// task of its own.
	mayEntrust bool
	// came is the state that came with it, once that was found good; nil for a
	// call that begins.
	came *state
	// brought are inputResponses that were asked of the client in its name.
	brought []byte
	pauses  int // for an upstream that was busy
	// large is the result that is passed on while it comes; nil: none is.
	large  *large
	callID ostiary.CallID // of the call under way
}

func (q *question) stateless() bool { return wire.Stateless(q.client.version) }

// message takes one message and answers it.
func (x *exchange) message(m *wire.Message) {
	if m.Kind == wire.Request && !guarded[m.Method] && !x.stays(m.ID) {
		return
	}
	if m.Method == wire.MethodInitialize && m.Meta.ProtocolVersion == "" {
		x.write(x.initialize(m))
		return
	}
	c, refusal := x.clientOf(m)
	if refusal != nil {
		x.write(*refusal)
		return
	}
	q := &question{exchange: x, m: m, client: c, streams: true}
	if m.Kind != wire.Request {
		x.write(q.noted())
		return
	}
	if m.Method == wire.MethodListen && q.stateless() {
		q.listen()
		return
	}
	if q.wantsEvents() {
		q.events = newEvents(x, c.session)
	}
	var ctx context.Context
	ctx, x.leash.end = context.WithCancelCause(q.lifetime())
	defer x.stopAsking()
	defer q.stopEvents() // also when something panics
	a := q.answer(ctx)
	if q.events == nil {
		x.write(a)
	} else {
		q.events.finish(a)
	}
	q.breakOff()
}

// lifetime is how long the question is worth an answer. In an era with sessions
// a client that is gone may come back: "disconnection SHOULD NOT be interpreted
// as the client cancelling its request" (2025-11-25 basic/transports).
func (q *question) lifetime() context.Context {
	if q.client.session == nil {
		return q.r.Context()
	}
	return context.WithoutCancel(q.r.Context())
}

func (q *question) stopEvents() {
	if q.events != nil {
		q.events.stop()
	}
}

// clientOf holds the headers to the body and finds the message's era.
func (x *exchange) clientOf(m *wire.Message) (client, *answer) {
	version, err := wire.ProtocolVersion(x.values, m)
	if err == nil {
		err = wire.CheckHeaders(x.values, m)
	}
	if err != nil {
		a := x.malformed(m.ID, err)
		return client{}, &a
	}
	if wire.Stateless(version) {
		return x.statelessClient(m, version)
	}
	s, id, refusal := x.session(m.ID)
	if refusal != nil {
		return client{}, refusal
	}
	return client{version: s.Version, elicitsURLs: s.Asks.Has(upstream.AskURL), level: s.record.Level, session: s, sessionID: id}, nil
}

// elicitsURLs reads a client's capabilities.
func elicitsURLs(capabilities []byte) bool {
	url, ok := wire.Lookup(capabilities, "elicitation", "url")
	return ok && wire.IsObject(url)
}

// noted takes a message that gets no answer. Whatever else it is, it never
// runs anything: a tools/call without id is nothing but a notification.
func (q *question) noted() answer {
	if q.m.Kind == wire.Response {
		return q.responded()
	}
	if q.m.Method == wire.MethodCancelled && q.client.session != nil {
		q.cancelled()
	}
	return accepted
}

// wantsEvents says whether the client asked to hear of the call while it is
// under way, and can.
func (q *question) wantsEvents() bool {
	return (q.m.Meta.ProgressToken != nil || q.client.level != 0) && q.accepts("text/event-stream")
}

// methods has what clients may ask. What isn't here does not exist, so that
// nothing is ever passed on unguarded.
var methods = map[string]method{
	wire.MethodToolsList:             (*question).listTools,
	wire.MethodToolsCall:             (*question).callTool,
	wire.MethodResourcesList:         (*question).listResources,
	wire.MethodResourceTemplatesList: (*question).listTemplates,
	wire.MethodResourcesRead:         (*question).readResource,
	wire.MethodPromptsList:           (*question).listPrompts,
	wire.MethodPromptsGet:            (*question).getPrompt,
	wire.MethodComplete:              (*question).complete,
}

// guarded are those whose every answer is committed by the guard, or refused.
var guarded = map[string]bool{
	wire.MethodToolsCall: true, wire.MethodResourcesRead: true, wire.MethodPromptsGet: true, wire.MethodComplete: true,
}

type method = func(*question, context.Context) answer

// What only one era has. "ping", for one, was removed with 2026-07-28.
var (
	sessionMethods = map[string]method{
		wire.MethodPing:                 (*question).ping,
		wire.MethodSetLevel:             (*question).setLevel,
		wire.MethodResourcesSubscribe:   (*question).subscribe,
		wire.MethodResourcesUnsubscribe: (*question).unsubscribe,
	}
	statelessMethods = map[string]method{
		wire.MethodDiscover:    (*question).discover,
		wire.MethodTasksGet:    (*question).getTask,
		wire.MethodTasksUpdate: (*question).updateTask,
		wire.MethodTasksCancel: (*question).cancelTask,
	}
)

// method is what answers the question; nil: its era has no such method.
func (q *question) method() method {
	if m, ok := methods[q.m.Method]; ok {
		return m
	}
	if q.stateless() {
		return statelessMethods[q.m.Method]
	}
	return sessionMethods[q.m.Method]
}

// answer asks the method. A request of a transport session can be cancelled
// by a later message; in the stateless era by hanging up.
func (q *question) answer(ctx context.Context) answer {
	method := q.method()
	if method == nil {
		return q.errored(wire.CodeMethodNotFound, "Method not found: "+q.m.Method, nil)
	}
	if q.client.session == nil {
		return method(q, ctx)
	}
	ctx, done := q.inflight.begin(ctx, q.client.sessionID, q.m.ID)
	defer done()
	return method(q, ctx)
}

func (q *question) ping(context.Context) answer { return q.answered([]byte("{}")) }
