package mcp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// resultTask is the result type of an upstream that goes on with a call as a
// task of its own (tasks, Polymorphic Results).
const resultTask = "task"

const (
	// leastAway and mostAway bound how long a task of an upstream is known
	// here, whatever its ttlMs says.
	leastAway = time.Minute
	mostAway  = 7 * 24 * time.Hour
	// disowning is how long an upstream may take to take its task back.
	disowning = 5 * time.Second
	// maxTheirs bounds an upstream's id of a task, in bytes.
	maxTheirs = 1024
)

// entrusts says whether the upstream may go on with the call as a task of its
// own: it has such, the client takes one, and its person has room for it.
func (q *question) entrusts(ctx context.Context, app string) bool {
	if !q.config.Upstreams.Tasks(app) || !q.takesTask() {
		return false
	}
	if q.absent != nil {
		return true // it is a task already
	}
	room, err := q.errands.worker.Room(ctx, task.HolderOf(q.who))
	if err != nil {
		q.config.Logger.Error("it can't be found out whether there is room for a task; the client is served without", "error", err)
	}
	return room
}

// theirs is what an upstream says of its task.
type theirs struct {
	id     string
	status string
	ttl    time.Duration // negative: it has no end
	result []byte        // the whole answer
}

var errTheirs = errors.New("a task")

// What is read of an answer with a task, where other readers must read the
// same.
var taskMembers = wire.NewKnown("resultType", "taskId", "status", "ttlMs", "createdAt", "inputRequests", "requestState", "result", "error", "_meta")

var taskStatuses = []string{"working", "input_required", "completed", "failed", "cancelled"}

// readTheirs reads such an answer strictly.
func readTheirs(result []byte) (theirs, error) {
	t := theirs{result: result}
	if err := errors.Join(wire.Check(result), wire.CheckTwins(result, taskMembers)); err != nil {
		return t, fmt.Errorf("%w: %w", errTheirs, err)
	}
	t.id, _ = wire.LookupText(result, "taskId")
	t.status, _ = wire.LookupText(result, "status")
	if t.id == "" || len(t.id) > maxTheirs {
		return t, fmt.Errorf("%w: its id is no text, or longer than %d bytes", errTheirs, maxTheirs)
	}
	if !slices.Contains(taskStatuses, t.status) {
		return t, fmt.Errorf("%w: its status is none", errTheirs)
	}
	ttl, _ := wire.Lookup(result, "ttlMs")
	t.ttl = readTTL(ttl)
	return t, nil
}

// readTTL reads milliseconds; what is no number has no end.
func readTTL(raw []byte) time.Duration {
	ms, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(ms) || ms > float64(mostAway.Milliseconds()) {
		return -1
	}
	return max(0, time.Duration(ms)*time.Millisecond)
}

// kept is how long the task is known here.
func (t theirs) kept() time.Duration {
	if t.ttl < 0 {
		return mostAway
	}
	return max(t.ttl, leastAway)
}

// over says whether the upstream has said how its task ended.
func (t theirs) over() bool { return t.status != "working" && t.status != "input_required" }

// entrusted answers a call that an upstream goes on with as a task: with a
// task of ours, behind which that one stands. goesOn is its id; "" where the
// call ends here, as ended says.
func (q *question) entrusted(a guard.Answer, reply upstream.Reply) (out answer, goesOn string, ended audit.Status) {
	of, err := readTheirs(reply.Result)
	if err == nil && !q.mayEntrust {
		err = fmt.Errorf("%w, which the client does not take", errTheirs)
	}
	if err != nil {
		return q.strange(a, err), "", audit.StatusError
	}
	// A client that hangs up now asks for the same call again, perhaps, and
	// for its task.
	ctx := context.WithoutCancel(q.r.Context())
	t, err := q.keepTheirs(ctx, a, of)
	if err != nil || t.Unwanted { // or it was taken back in the same moment
		q.disown(ctx, a, of, err)
	}
	if err != nil {
		return q.strange(a, err), "", audit.StatusUnknown
	}
	e := wire.NewEdit(reply.Result)
	e.Drop("inputRequests") // they are told by tasks/get
	q.ownTheirs(e, t, of)
	q.ownMeta(e, a, reply.Result)
	result, err := e.Bytes()
	if err != nil {
		return q.strange(a, err), t.ID, ""
	}
	return q.answered(result), t.ID, ""
}

func (q *question) keepTheirs(ctx context.Context, a guard.Answer, of theirs) (task.Task, error) {
	t := task.Task{
		Holder: task.HolderOf(a.Call.Principal), Endpoint: string(q.endpoint), From: q.addr, Call: a.Call.ID,
		Tool: a.Call.Tool.ID, AppName: a.Call.Tool.AppName, Digest: a.Call.Tool.Digest, Message: q.m.Body,
		Theirs: of.id, Grant: a.Grant(), Rounds: 1,
	}
	if before := q.round(); before != nil {
		t.Rounds = before.Number
	}
	if q.taskID != "" {
		return q.errands.worker.Entrust(ctx, q.taskID, t, of.kept())
	}
	return q.errands.worker.Tasks.Entrust(ctx, t, of.kept())
}

// disown takes back at its upstream what can't be kept here: nobody would ever
// be told of it. What is somebody else's stays.
func (q *question) disown(ctx context.Context, a guard.Answer, of theirs, err error) {
	if errors.Is(err, task.ErrTaken) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, disowning)
	defer cancel()
	params := append(wire.AppendString([]byte(`{"taskId":`), of.id), '}')
	who := upstream.Caller{Tenant: a.Call.Principal.Tenant, Subject: a.Call.Principal.Subject}
	_, err = q.config.Upstreams.Call(ctx, a.Call.Tool.App, who, upstream.Request{Edition: a.Edition, Method: wire.MethodTasksCancel, Params: params, Tasks: true})
	if err != nil {
		q.config.Logger.Error("a task that nobody can be told of goes on at its app", "app", a.Call.Tool.App, "call_id", a.Call.ID, "error", err)
	}
}

// ownTheirs changes in an upstream's words of its task what is ours: the id, for
// how long it is known, and what it may not say.
func (q *question) ownTheirs(e *wire.Edit, t task.Task, of theirs) {
	e.SetText(t.ID, "taskId")
	e.Drop("requestState")
	if t.Request != "" { // the client knows it from before there was the upstream's
		e.SetText(stamp(t.Created), "createdAt")
	}
	if t.Request != "" || of.ttl < 0 {
		e.Set(strconv.AppendInt(nil, t.Ends.Sub(t.Created).Milliseconds(), 10), "ttlMs")
	}
}

// askTheirs tells how a task goes that an upstream has: in its words, for as
// long as the caller might make the call.
func (q *question) askTheirs(ctx context.Context, t task.Task) ([]byte, *answer) {
	a, err := q.decidedAgain(ctx, t)
	if err != nil {
		out := q.taskFault(err)
		return nil, &out
	}
	if !a.may {
		out := q.turnedAway(ctx, a.to, a.Answer)
		return nil, &out
	}
	reply, err := q.tellTheirs(ctx, t, a.Answer)
	if err != nil {
		out := q.untold(ctx, t, err)
		return nil, &out
	}
	result, refusal, err := q.ofTheirs(ctx, t, a.Answer, reply)
	if err != nil {
		out := q.unfit(t, err)
		return nil, &out
	}
	return result, refusal
}

// unfit answers where an upstream said what can't be passed on.
func (q *question) unfit(t task.Task, err error) answer {
	q.config.Logger.Warn("an upstream said of a task what can't be passed on", "app", t.Tool.App(), "task", t.ID, "error", err)
	return q.errored(wire.CodeInternalError, "The app "+t.Tool.App()+" said of the task what can't be passed on.", nil)
}

// A stillDecided is what the gates say of a call that went out before.
type stillDecided struct {
	guard.Answer
	to  target
	may bool // its caller may go on hearing of it
}

func (q *question) decidedAgain(ctx context.Context, t task.Task) (d stillDecided, err error) {
	if d.to, err = q.recall(t); err != nil {
		return d, err
	}
	r := q.request(d.to)
	r.Round = &guard.Round{Call: t.Call}
	d.Answer, d.may = q.config.Guard.Still(ctx, r)
	return d, nil
}

// turnedAway is how a message about a task is refused.
func (q *question) turnedAway(ctx context.Context, to target, a guard.Answer) answer {
	if a.Decision.Effect == ostiary.Hold { // there is no call to come back with
		return q.told(a)
	}
	return q.refused(ctx, to, a)
}

// recall is what a task's call was for, as it is now.
func (q *question) recall(t task.Task) (target, error) {
	m, err := wire.Parse(t.Message)
	if err != nil {
		return target{}, fmt.Errorf("read the call of task %s: %w", t.ID, err)
	}
	return target{tool: q.toolOf(t), arguments: m.Arguments}, nil
}

// tellTheirs sends a message about a task on to its upstream, over the
// connection of its person.
func (q *question) tellTheirs(ctx context.Context, t task.Task, a guard.Answer) (upstream.Reply, error) {
	e := q.m.EditParams()
	e.SetText(t.Theirs, "taskId")
	if mentionsUs(q.m.Meta.Raw) {
		e.Drop("_meta", wire.MetaTrace)
		e.Drop("_meta", wire.MetaDecision)
	}
	params, err := e.Bytes()
	if err != nil {
		return upstream.Reply{}, upstream.Unsent(err)
	}
	app, who := t.Tool.App(), upstream.Caller{Tenant: q.who.Tenant, Subject: q.who.Subject}
	return q.config.Upstreams.Call(ctx, app, who, upstream.Request{Edition: a.Edition, Method: q.m.Method, Params: params, Tasks: true, Asks: q.asks(app)})
}

// untold answers a message about a task that its upstream did not answer.
func (q *question) untold(ctx context.Context, t task.Task, err error) answer {
	if ctx.Err() != nil {
		return q.abandoned(ctx)
	}
	q.config.Logger.Error("an upstream could not be asked about its task", "app", t.Tool.App(), "task", t.ID, "error", err)
	return q.errored(wire.CodeInternalError, "The app "+t.Tool.App()+" can't be asked about its task just now. Try again later.", nil)
}

// lost says whether an upstream answered that it knows of no such task.
func lost(reply upstream.Reply) bool {
	return reply.Err != nil && errorCode(reply.Err) == wire.CodeInvalidParams
}

// ofTheirs is what a client is told of an upstream's answer to tasks/get.
func (q *question) ofTheirs(ctx context.Context, t task.Task, a guard.Answer, reply upstream.Reply) ([]byte, *answer, error) {
	if lost(reply) {
		q.seen(ctx, t, task.Failed, audit.StatusUnknown, reply.Bytes, t.Ends)
		out := q.unknown()
		return nil, &out, nil
	}
	if reply.Err != nil {
		out, err := q.ownError(reply.Err)
		return nil, &out, err
	}
	of, err := readTheirs(reply.Result)
	if err == nil && of.id != t.Theirs {
		err = fmt.Errorf("%w: another than it was asked about", errTheirs)
	}
	if err != nil {
		return nil, nil, err
	}
	t = q.observe(ctx, t, of, reply.Bytes)
	return q.describe(t, a, of)
}

// describe writes what an upstream says of its task as ours.
func (q *question) describe(t task.Task, a guard.Answer, of theirs) ([]byte, *answer, error) {
	e := wire.NewEdit(of.result)
	e.SetText("complete", "resultType")
	q.ownTheirs(e, t, of)
	q.ownMeta(e, a, of.result)
	if of.status != inputRequired {
		e.Drop("inputRequests")
		ownOutcome(e, of.result)
		result, err := e.Bytes()
		return result, nil, err
	}
	in, err := readInput(of.result)
	if err != nil {
		return nil, nil, err
	}
	if refusal := q.mayNotBeAsked(a, in); refusal != nil {
		return nil, refusal, nil
	}
	for _, key := range in.marked {
		e.Drop("inputRequests", key, "params", "_meta", wire.MetaDecision)
	}
	result, err := e.Bytes()
	return result, nil, err
}

// ownOutcome keeps an upstream from speaking for the gateway in what came of
// its task, and from asking there.
func ownOutcome(e *wire.Edit, result []byte) {
	if kind, has := wire.LookupText(result, "result", "resultType"); has && kind != "complete" {
		e.SetText("complete", "result", "resultType")
	}
	if !mentionsUs(result) {
		return
	}
	for _, path := range [][]string{{"result", "_meta"}, {"error", "data", "_meta"}} {
		if meta, has := wire.Lookup(result, path...); has && wire.IsObject(meta) {
			e.Drop(append(path, wire.MetaDecision)...)
		}
	}
}

// observe keeps what an upstream said of its task: that it ended, which is
// recorded once, and for how long it is known.
func (q *question) observe(ctx context.Context, t task.Task, of theirs, bytes int64) task.Task {
	ends := t.Created.Add(of.kept())
	if t.Request != "" && ends.Before(t.Ends) {
		ends = t.Ends // what was said of it before holds
	}
	if !of.over() && ends.Equal(t.Ends) || t.Seen != "" {
		return t
	}
	seen, status := task.State(""), audit.Status("")
	if of.over() {
		seen, status = task.State(of.status), audit.StatusError
	}
	if result, _ := wire.Lookup(of.result, "result"); seen == task.Completed && !isError(result) {
		status = audit.StatusOK
	}
	return q.seen(ctx, t, seen, status, bytes, ends)
}

// seen keeps the end of an upstream's task, and records it. What can't be kept
// now is seen again with the next question.
func (q *question) seen(ctx context.Context, t task.Task, seen task.State, status audit.Status, bytes int64, ends time.Time) task.Task {
	changed, err := q.errands.worker.Change(context.WithoutCancel(ctx), t.ID, func(tx *store.Tx, t *task.Task) error {
		if t.Seen != "" {
			return errNothing
		}
		t.Seen, t.Ends = seen, ends
		if seen != "" {
			q.config.Guard.Ended(tx, q.callOf(*t), t.ID, status, q.clock.Now().Sub(t.Created), bytes)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNothing) && !errors.Is(err, task.ErrNotFound) {
		q.config.Logger.Error("the end of an upstream's task could not be kept", "task", t.ID, "error", err)
	}
	if err != nil {
		return t
	}
	return changed
}

// callOf is a task's call as the record tells of it.
func (h *Handler) callOf(t task.Task) *ostiary.Call {
	return &ostiary.Call{ID: t.Call, Principal: formerly(t.Holder), Tool: h.toolOf(t), Caller: ostiary.Caller{Addr: t.From}}
}

// updateTheirs hands an upstream what its client brought for its task: that is
// a further round of the call, decided anew and recorded.
func (q *question) updateTheirs(ctx context.Context, t task.Task) answer {
	to, err := q.recall(t)
	if err != nil {
		return q.taskFault(err)
	}
	r := q.request(to)
	r.Round = &guard.Round{Call: t.Call, Number: t.Rounds + 1, Grant: t.Grant, State: ostiary.NewID("rnd"), Ends: t.Ends}
	r.Together = func(ctx context.Context, tx *store.Tx, _ *ostiary.Call) error {
		return q.errands.worker.AddRound(ctx, tx, t.ID)
	}
	a := q.config.Guard.Admit(ctx, r)
	switch {
	case errors.Is(a.Decision.Err, task.ErrNotFound):
		return q.unknown()
	case a.Pass == nil:
		return q.turnedAway(ctx, to, a)
	}
	end := ending{pass: a.Pass, status: audit.StatusUnknown}
	defer end.record(ctx)
	reply, err := q.tellTheirs(ctx, t, a)
	if err != nil {
		end.status = statusOf(err)
		return q.untold(ctx, t, err)
	}
	end.status, end.bytes = audit.StatusOK, reply.Bytes
	if reply.Err != nil {
		end.status = audit.StatusError
	}
	return q.acknowledgedBy(t, reply)
}

// cancelTheirs takes a task back at its upstream, which need not heed it.
// Whoever may know of the task may do so, whether they might call or not.
func (q *question) cancelTheirs(ctx context.Context, t task.Task) answer {
	a, err := q.decidedAgain(ctx, t)
	if err != nil {
		return q.taskFault(err)
	}
	reply, err := q.tellTheirs(ctx, t, a.Answer)
	if err != nil {
		return q.untold(ctx, t, err)
	}
	return q.acknowledgedBy(t, reply)
}

func (q *question) acknowledgedBy(t task.Task, reply upstream.Reply) answer {
	switch {
	case lost(reply):
		return q.unknown()
	case reply.Err == nil:
		return q.answered(acknowledged)
	}
	out, err := q.ownError(reply.Err)
	if err != nil {
		return q.unfit(t, err)
	}
	return out
}

// forgetUnheard records the tasks of upstreams whose time is over, and of
// whose end nobody heard.
func (e *errands) forgetUnheard(ctx context.Context) error {
	all, err := e.worker.Unheard(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		err := e.worker.Forget(ctx, t.ID, func(tx *store.Tx) {
			e.config.Guard.Ended(tx, e.callOf(t), t.ID, audit.StatusUnknown, t.Ends.Sub(t.Created), 0)
		})
		if err != nil && !errors.Is(err, task.ErrTaken) {
			return err
		}
	}
	return nil
}
