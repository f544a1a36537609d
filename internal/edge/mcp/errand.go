package mcp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// run waits for the yes and makes the call, with the rights and the tool of
// that moment. It leaves the task to others where it is not, or can't be, the
// one that makes it.
func (e *errands) run(o *errand, t task.Task, held guard.Answer) {
	q, err := e.revive(t)
	if err != nil {
		e.config.Logger.Error("a task's call can't be read", "task", t.ID, "error", err)
		e.end(o, e.cutOff)
		return
	}
	to, a := e.await(o, q, t, held)
	if a.Pass == nil && (o.waiting.Err() != nil || errors.Is(a.Decision.Err, task.ErrTaken)) {
		if err := e.worker.PutBack(context.WithoutCancel(o.calling), t.ID); err != nil {
			e.config.Logger.Error("a task that was not sent could not be put back", "task", t.ID, "error", err)
		}
		return
	}
	e.conclude(o, q.goOn(o.calling, to, a))
}

// await holds a task's call until it is decided. While it can't be found out
// whether there is a yes, it waits on; and a call that needs another yes by
// then, since the first was used up or has ended, waits for that.
func (e *errands) await(o *errand, q *question, t task.Task, held guard.Answer) (target, guard.Answer) {
	for pause := firstTry; ; {
		to, a, decided := e.awaitOnce(o, q, t, held)
		switch {
		case o.waiting.Err() != nil:
			return to, a
		case a.Waiting != nil:
			e.waitAgain(o, q, t.ID, a)
			held = a
			continue
		case decided || a.Decision.Err == nil:
			if a.Pass == nil {
				a.Waiting = held.Waiting // what was asked, to say what became of it
			}
			return to, a
		}
		pause = e.rest(o.waiting.Done(), pause)
	}
}

func (e *errands) awaitOnce(o *errand, q *question, t task.Task, held guard.Answer) (to target, a guard.Answer, decided bool) {
	a = e.config.Guard.AwaitThen(o.waiting, held, func() guard.Request {
		decided, to = true, q.retarget(t)
		r := q.request(to)
		r.Together = func(ctx context.Context, tx *store.Tx, c *ostiary.Call) error {
			return e.worker.Send(ctx, tx, t.ID, c.ID)
		}
		return r
	})
	return to, a, decided
}

// waitAgain keeps for what the task waits now.
func (e *errands) waitAgain(o *errand, q *question, id string, a guard.Answer) {
	_, err := e.worker.Change(o.waiting, id, func(_ *store.Tx, t *task.Task) error {
		if t.State != task.Waiting || t.Worker != e.worker.ID {
			return task.ErrTaken
		}
		t.Request, t.Note, t.Meta, t.Shown = a.Waiting.ID, q.sentence(a), q.meta(a), false
		t.Ends = a.Waiting.ExpiresAt.Add(keepingResult)
		return nil
	})
	if err != nil {
		e.config.Logger.Error("a task waits for another yes than it says", "task", id, "error", err)
	}
}

// The pauses between tries at what must not be lost because storage is down
// for a moment: the first, and the longest.
const (
	firstTry = 100 * time.Millisecond
	lastTry  = 10 * time.Second
)

// rest waits for a pause, or until done, and returns the next.
func (e *errands) rest(done <-chan struct{}, pause time.Duration) time.Duration {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
	return min(2*pause, lastTry)
}

// revive makes the question of a task's call again, without its client.
func (e *errands) revive(t task.Task) (*question, error) {
	m, err := wire.Parse(t.Message)
	if err != nil {
		return nil, err
	}
	at := catalogue.Endpoint(t.Endpoint)
	x := &exchange{
		Handler: e.Handler, r: &http.Request{}, endpoint: at, resource: at.Path(), addr: t.From, hasToken: true,
		absent: func(ctx context.Context) (*ostiary.Principal, error) { return e.holderNow(ctx, t) }, who: formerly(t.Holder),
	}
	c := client{version: m.Meta.ProtocolVersion, elicitsURLs: elicitsURLs(m.Meta.ClientCapabilities)}
	return &question{exchange: x, m: &m, client: c, taskID: t.ID}, nil
}

// holderNow is the holder of a task with the rights of now; nil: nobody whose
// call it could be.
func (e *errands) holderNow(ctx context.Context, t task.Task) (*ostiary.Principal, error) {
	p, err := e.config.Identity.Absent(ctx, t.Holder.Subject, t.Holder.Session, t.From)
	if errors.Is(err, identity.ErrInvalidToken) || err == nil && task.HolderOf(p) != t.Holder {
		return nil, nil
	}
	return p, err
}

// retarget finds the task's tool as it is now. One that changed is still the
// one that the yes was given for: it is found to be outdated, and not called.
func (q *question) retarget(t task.Task) target {
	to := target{tool: &ostiary.Tool{ID: t.Tool, App: t.Tool.App(), AppName: t.AppName, Digest: t.Digest}, arguments: q.m.Arguments, name: t.Tool.Name(), at: byName}
	if o := q.config.Catalogue.Now().ByID(t.Tool); o != nil && o.Tool.Digest == t.Digest {
		to.tool, to.name = o.Tool, o.Name
	}
	return to
}

// goOn makes a call that was let through, and says of any other why not.
func (q *question) goOn(ctx context.Context, t target, a guard.Answer) answer {
	switch {
	case a.Pass == nil:
		return q.refused(ctx, t, a)
	case q.outdated(t):
		a.Pass.Done(ctx, audit.StatusNotSent, 0)
		return q.told(changedMeanwhile(a))
	}
	return q.carry(ctx, t, a)
}

// conclude keeps what came of a task's call. One that its app goes on with is
// not this worker's to end.
func (e *errands) conclude(o *errand, out answer) {
	switch {
	case out.gone && errors.Is(context.Cause(o.calling), errUnwanted):
		e.end(o, (*task.Task).Cancel)
	case out.gone:
		e.end(o, e.cutOff)
	case out.fault != nil:
		e.end(o, func(t *task.Task) { t.Fail(out.fault) })
	default:
		e.end(o, func(t *task.Task) { t.Complete(out.result) })
	}
}

// end writes the end of a task, and tries until it stands.
func (e *errands) end(o *errand, how func(*task.Task)) {
	ctx := context.WithoutCancel(o.calling)
	for pause := firstTry; ; pause = e.rest(e.life.Done(), pause) {
		_, err := e.worker.End(ctx, o.id, how)
		if err == nil || errors.Is(err, task.ErrTaken) || errors.Is(err, task.ErrNotFound) {
			return // or somebody else has said how it ended, or its time is over
		}
		e.config.Logger.Error("the end of a task could not be kept; it is tried again", "task", o.id, "error", err)
		if e.life.Err() != nil {
			return
		}
	}
}

// cutOff is the end of a task of which nobody knows whether it has run.
func (e *errands) cutOff(t *task.Task) {
	text := "The gateway was interrupted while it called " + string(t.Tool) + ". Whether that has run is not known: look before calling again. (" + string(t.Call) + ")"
	about := wire.AppendString([]byte(`{"_meta":{"`+wire.MetaDecision+`":{"call_id":`), string(t.Call))
	t.Fail(fault(wire.CodeInternalError, text, append(about, "}}}"...)))
}

// formerly is who a holder was when their task was made, without any right.
func formerly(h task.Holder) *ostiary.Principal {
	return &ostiary.Principal{Tenant: h.Tenant, Subject: h.Subject, Session: h.Session, Client: ostiary.Client{ID: h.Client}}
}

// heldAs is what the guard said of a task that another instance left.
func (e *errands) heldAs(t task.Task) guard.Answer {
	c := &ostiary.Call{ID: t.Call, Principal: formerly(t.Holder), Tool: e.toolOf(t), Caller: ostiary.Caller{Addr: t.From}}
	return guard.Answer{Call: c, Waiting: &approval.Request{ID: t.Request}}
}
