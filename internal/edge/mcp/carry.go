package mcp

import (
	"bytes"
	"context"
	"errors"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// through takes a question to the guard and, if it is let through, upstream.
func (q *question) through(ctx context.Context, t target) answer {
	retry, wrong := q.resumes(t)
	if t.wrong != nil {
		wrong = t.wrong
	}
	// Of what is hidden nothing is said but that it is unknown.
	if wrong != nil && q.config.Guard.Visible(ctx, q.who, t.tool, q.resource) {
		return *wrong
	}
	a := q.decide(ctx, t, retry)
	switch {
	case a.Pass == nil:
		return q.refused(ctx, t, a)
	case wrong != nil: // the tool appeared between the two looks
		a.Pass.Done(ctx, audit.StatusNotSent, 0)
		return *wrong
	case q.outdated(t):
		a.Pass.Done(ctx, audit.StatusNotSent, 0)
		return q.told(changedMeanwhile(a))
	}
	if t.carry != nil {
		return t.carry(q, ctx, t, a)
	}
	return q.carry(ctx, t, a)
}

// outdated says whether a tool's definition is no longer the one that was
// decided on: a call that is held may wait for long.
func (q *question) outdated(t target) bool {
	if t.tool.Digest == (ostiary.Digest{}) {
		return false // what is no tool has no definition that a yes is for
	}
	o := q.config.Catalogue.Now().ByID(t.tool.ID)
	return o == nil || o.Tool.Digest != t.tool.Digest || o.Tool.Accepted != t.tool.Accepted || o.Tool.Pinned != t.tool.Pinned
}

func changedMeanwhile(a guard.Answer) guard.Answer {
	return guard.Answer{Call: a.Call, Decision: ostiary.Decision{
		Reason: ostiary.ReasonApprovalExpired, Gate: "approval",
		Message: "The tool's definition changed while this call waited. Call again.",
	}}
}

func (q *question) request(t target) guard.Request {
	return guard.Request{
		Identify: q.identify, Tool: t.tool, Resource: q.resource, Caller: ostiary.Caller{Addr: q.addr},
		Arguments: ostiary.Arguments{Raw: t.arguments, Lookup: wire.Lookup}, Round: q.round(),
	}
}

// An ending records how a call ended, once. A call that nobody says anything
// of, because something panicked, ends as unknown.
type ending struct {
	pass   *guard.Pass
	status audit.Status
	bytes  int64
	task   string // as which the upstream goes on with the call; "" it ended
}

func (e *ending) record(ctx context.Context) {
	switch {
	case e.pass == nil: // somebody else records it
	case e.task != "":
		e.pass.Entrusted(ctx, e.task, e.bytes)
	case e.status == audit.StatusUnknown && errors.Is(context.Cause(ctx), errRevoked):
		e.pass.CutOff(ctx, e.bytes)
	default:
		e.pass.Done(ctx, e.status, e.bytes)
	}
}

// carry sends an allowed call upstream and brings the answer back.
func (q *question) carry(ctx context.Context, t target, a guard.Answer) answer {
	out, in := q.send(ctx, t, a)
	if in == nil {
		return out
	}
	return q.askAndGoOn(ctx, t, a, *in)
}

// send makes one request upstream. With in, the upstream asks for something,
// and the client has to be asked on its stream.
func (q *question) send(ctx context.Context, t target, a guard.Answer) (out answer, in *input) {
	end := ending{pass: a.Pass, status: audit.StatusUnknown}
	defer func() { end.record(ctx) }()
	params, err := q.params(t, a)
	if err != nil {
		end.status = audit.StatusNotSent
		return q.malformed(q.m.ID, err), nil
	}
	req := upstream.Request{Edition: a.Edition, Method: q.m.Method, Params: params, LogLevel: q.client.level, Sessions: !q.stateless(), Asks: q.asks(t.tool.App)}
	if q.pinnable(t.tool.App) {
		req.Notify = q.notify()
		return q.sendPinned(ctx, t, a, req, &end)
	}
	reply, err := q.call(ctx, t, a, req)
	return q.arrived(ctx, t, a, reply, err, &end)
}

// arrived takes what came back of a request.
func (q *question) arrived(ctx context.Context, t target, a guard.Answer, reply upstream.Reply, err error, end *ending) (out answer, in *input) {
	if q.large != nil {
		return q.passedOn(ctx, t, a, err, end), nil
	}
	if err != nil {
		end.status = statusOf(err)
		return q.failedUpstream(ctx, t, a, err), nil
	}
	end.bytes = reply.Bytes
	kind, typed := resultType(reply)
	switch kind {
	case inputRequired:
		out, in, end.status = q.inputRequired(a, reply)
		return out, in
	case resultTask:
		out, end.task, end.status = q.entrusted(a, reply)
		return out, nil
	}
	out, ok := q.replied(a, reply, typed)
	end.status = audit.StatusError
	if ok && !isError(reply.Result) {
		end.status = audit.StatusOK
	}
	return out, nil
}

// call asks the upstream, and lets it ask the client while it works.
func (q *question) call(ctx context.Context, t target, a guard.Answer, req upstream.Request) (upstream.Reply, error) {
	if req.Asks != 0 && req.Sessions {
		asker := newAsker(q)
		req.Ask = asker.ask
		defer asker.open.Wait()
	}
	if q.streams {
		req.Pass, q.callID = q, a.Call.ID
	}
	q.mayEntrust = q.entrusts(ctx, t.tool.App)
	req.Notify, req.Tasks = q.notify(), q.mayEntrust
	return q.config.Upstreams.Call(ctx, t.tool.App, callerOf(a), req)
}

func callerOf(a guard.Answer) upstream.Caller {
	return upstream.Caller{Tenant: a.Call.Principal.Tenant, Subject: a.Call.Principal.Subject}
}

// statusOf tells how a call ended that brought no answer. An upstream that
// answered with something else than MCP has ended the call with an error; of
// a connection that broke or a wait that was given up nothing is known.
func statusOf(err error) audit.Status {
	if upstream.NotSent(err) {
		return audit.StatusNotSent
	}
	var e *upstream.Error
	var nonsense *wire.ParseError
	if errors.As(err, &e) && e.Status != 0 || errors.As(err, &nonsense) || errors.Is(err, wire.ErrTooLarge) || errors.Is(err, errForm) {
		return audit.StatusError
	}
	return audit.StatusUnknown
}

// isError says whether a tool answered that it failed.
func isError(result []byte) bool {
	if !bytes.Contains(result, []byte(`"isError"`)) {
		return false
	}
	span, ok := wire.Lookup(result, "isError")
	return ok && string(span) == "true"
}

// notify passes on what the upstream tells while it works, as far as the
// client asked for it; nil: nobody listens.
func (q *question) notify() func([]byte) {
	if q.events == nil {
		return nil
	}
	return func(raw []byte) {
		method, _ := wire.LookupText(raw, "method")
		if q.hears(method, raw) {
			q.events.send(raw)
		}
	}
}

// hears says whether the client wants to be told such a thing.
func (q *question) hears(method string, raw []byte) bool {
	switch method {
	case wire.MethodProgress:
		return q.m.Meta.ProgressToken != nil
	case wire.MethodLog:
		return q.hearsLog(raw)
	case wire.MethodElicitationComplete:
		return !q.stateless() && q.client.elicitsURLs
	}
	return false
}

// replied puts an upstream's answer under the client's id, and says whether
// it is a result. typed says whether it has a type.
func (q *question) replied(a guard.Answer, reply upstream.Reply, typed bool) (out answer, ok bool) {
	var err error
	if reply.Err != nil {
		out, err = q.ownError(reply.Err)
	} else {
		out, err = q.ownResult(a, reply, typed)
	}
	if err != nil {
		return q.strange(a, err), false
	}
	return out, reply.Err == nil
}

// strange ends a call whose upstream gave an answer that no client may get.
func (q *question) strange(a guard.Answer, err error) answer {
	q.config.Logger.Warn("an upstream gave an answer that can't be passed on", "app", a.Call.Tool.App, "call_id", a.Call.ID, "error", err)
	return q.errored(wire.CodeInternalError, "The app "+a.Call.Tool.App+" gave an answer that can't be passed on.", nil)
}

// ownResult changes in a result what is the gateway's: the result type that older
// upstreams leave out, the caching of what only this caller may see, and
// what only the gateway says in _meta.
func (q *question) ownResult(a guard.Answer, reply upstream.Reply, typed bool) (answer, error) {
	if err := q.checkResult(reply.Result); err != nil {
		return answer{}, err
	}
	e := wire.NewEdit(reply.Result)
	if q.stateless() && (!typed || mayAsk(reply.Result)) {
		e.SetText("complete", "resultType")
	}
	if q.stateless() && q.m.Method == wire.MethodResourcesRead {
		e.SetText("private", "cacheScope")
		if _, has := wire.Lookup(reply.Result, "ttlMs"); !has {
			e.Set([]byte("0"), "ttlMs")
		}
	}
	q.ownMeta(e, a, reply.Result)
	result, err := e.Bytes()
	return q.answered(result), err
}

// ownError passes an upstream's error on as it is, but for what only the
// gateway says. An error that sends the person to a link is for clients that
// were asked whether they can show one, and the upstream could not ask.
func (q *question) ownError(object []byte) (answer, error) {
	if err := checkError(object); err != nil {
		return answer{}, err
	}
	code := errorCode(object)
	if code == wire.CodeURLElicitationRequired {
		return answer{}, errInput
	}
	if meta, has := wire.Lookup(object, "data", "_meta"); has && mentionsUs(meta) && wire.IsObject(meta) {
		cleaned, err := wire.NewEdit(object).Drop("data", "_meta", wire.MetaDecision).Bytes()
		if err != nil {
			return answer{}, err
		}
		object = cleaned
	}
	return answer{status: q.statusOf(code), id: q.m.ID, fault: object}, nil
}

// ownMeta keeps upstreams from speaking for the gateway, and tells the id of
// the call to a client that asked for it.
func (q *question) ownMeta(e *wire.Edit, a guard.Answer, result []byte) {
	suspect := mentionsUs(result)
	if !suspect && !q.m.Meta.Trace {
		return
	}
	meta, has := wire.Lookup(result, "_meta")
	if has && !wire.IsObject(meta) {
		return
	}
	if suspect && has {
		e.Drop("_meta", wire.MetaDecision)
	}
	if q.m.Meta.Trace {
		e.Set(append(wire.AppendString([]byte(`{"call_id":`), string(a.Call.ID)), '}'), "_meta", wire.MetaDecision)
	}
}

// mentionsUs says whether JSON may have a key of ours; one can be hidden
// from a plain look by escapes only.
func mentionsUs(raw []byte) bool {
	return bytes.Contains(raw, []byte("ostiary")) || bytes.Contains(raw, []byte(`\u`))
}

// resultType reads what only upstreams of the stateless era write.
func resultType(reply upstream.Reply) (kind string, has bool) {
	if !wire.Stateless(reply.Era) || reply.Err != nil {
		return "", false
	}
	return wire.LookupText(reply.Result, "resultType")
}
