package mcp

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// acknowledged is the whole answer to tasks/update and tasks/cancel.
var acknowledged = []byte(`{"resultType":"complete"}`)

// errNothing ends a change that would change nothing.
var errNothing = errors.New("nothing to change")

// getTask tells how far a task has come, and what came of it.
func (q *question) getTask(ctx context.Context) answer {
	t, refusal := q.ownTask(ctx)
	if refusal != nil {
		return *refusal
	}
	if t.State != task.Away {
		return q.answered(append(q.appendDetails([]byte(`{"resultType":"complete",`), t), '}'))
	}
	result, refusal := q.askTheirs(ctx, t)
	if refusal != nil {
		return *refusal
	}
	return q.answered(result)
}

// appendDetails writes a task with what belongs to its status.
func (q *question) appendDetails(dst []byte, t task.Task) []byte {
	dst = q.appendTask(dst, t)
	switch q.statusOfTask(t) {
	case "input_required":
		dst = wire.AppendString(append(dst, `,"inputRequests":{"`+stepKey+`":{"method":"elicitation/create","params":{"mode":"url","message":`...), t.Note)
		dst = wire.AppendString(append(dst, `,"url":`...), q.approvalURL(t.Request))
		return append(dst, `}}}`...)
	case string(task.Completed):
		return append(append(dst, `,"result":`...), t.Result...)
	case string(task.Failed):
		return append(append(dst, `,"error":`...), t.Fault...)
	}
	return dst
}

// updateTask takes what the client's person did with the link. It approves
// nothing, whatever it says: the link is not asked for again, and that is all.
func (q *question) updateTask(ctx context.Context) answer {
	t, refusal := q.ownTask(ctx)
	if refusal != nil {
		return *refusal
	}
	if q.m.InputResponses == nil {
		return q.errored(wire.CodeInvalidParams, "tasks/update needs inputResponses.", nil)
	}
	if t.State == task.Away {
		return q.updateTheirs(ctx, t)
	}
	if _, shown := wire.Lookup(q.m.InputResponses, stepKey); !shown {
		return q.answered(acknowledged)
	}
	_, err := q.errands.worker.Change(ctx, t.ID, func(_ *store.Tx, t *task.Task) error {
		if t.Shown || t.State != task.Waiting {
			return errNothing
		}
		t.Shown = true
		return nil
	})
	return q.acknowledge(err)
}

// cancelTask takes a call back: before it was sent, for good, and nobody is
// asked about it any more; afterwards as far as its app lets it.
func (q *question) cancelTask(ctx context.Context) answer {
	t, refusal := q.ownTask(ctx)
	if refusal != nil {
		return *refusal
	}
	if t.State == task.Away {
		return q.cancelTheirs(ctx, t)
	}
	_, err := q.errands.worker.Change(ctx, t.ID, func(tx *store.Tx, t *task.Task) error {
		switch t.State {
		case task.Waiting:
			t.Cancel()
			return q.withdraw(ctx, tx, *t)
		case task.Sent:
			t.Unwanted = true
			return nil
		}
		return errNothing
	})
	return q.acknowledge(err)
}

// withdraw takes back the request that a task waited for, unless an equal call
// waits for it as well.
func (q *question) withdraw(ctx context.Context, tx *store.Tx, t task.Task) error {
	shared, err := q.errands.worker.Waits(ctx, t.Request, t.ID)
	if err != nil || shared {
		return err
	}
	by := audit.ActorOf(q.who)
	by.IPClass = audit.IPClass(q.addr)
	return q.config.Guard.Approvals.Withdraw(ctx, tx, t.Request, by)
}

func (q *question) acknowledge(err error) answer {
	if err != nil && !errors.Is(err, errNothing) && !errors.Is(err, task.ErrNotFound) {
		return q.taskFault(err)
	}
	return q.answered(acknowledged)
}

func (q *question) taskFault(err error) answer {
	q.config.Logger.Error("a task could not be read or changed", "error", err)
	return q.errored(wire.CodeInternalError, "Ostiary can't get at tasks just now. Try again later.", nil)
}

// ownTask finds the task that a message is about. One that is not there, one
// of somebody else, one whose time is over, and one whose tool the caller may
// not know of any more are all the same.
func (q *question) ownTask(ctx context.Context) (task.Task, *answer) {
	if !q.declaresTasks() {
		a := q.lacks(needsTasks)
		return task.Task{}, &a
	}
	if q.m.Name == "" {
		a := q.errored(wire.CodeInvalidParams, "$.params.taskId must be a string that isn't empty", nil)
		return task.Task{}, &a
	}
	t, err := q.errands.worker.Get(ctx, q.m.Name)
	switch {
	case err != nil && !errors.Is(err, task.ErrNotFound):
		a := q.taskFault(err)
		return task.Task{}, &a
	case err != nil || !q.owns(ctx, t):
		a := q.unknown()
		return task.Task{}, &a
	}
	return t, nil
}

func (q *question) owns(ctx context.Context, t task.Task) bool {
	return t.Holder == task.HolderOf(q.who) && t.Endpoint == string(q.endpoint) &&
		q.config.Guard.Visible(ctx, q.who, q.toolOf(t), q.resource)
}

// toolOf is the tool as it is now; one that is gone, as it was.
func (h *Handler) toolOf(t task.Task) *ostiary.Tool {
	if o := h.config.Catalogue.Now().ByID(t.Tool); o != nil {
		return o.Tool
	}
	return &ostiary.Tool{ID: t.Tool, App: t.Tool.App(), AppName: t.AppName, Digest: t.Digest}
}

// needsTasks are the capabilities without which nobody is told of tasks.
var needsTasks = []byte(`{"extensions":{"` + wire.ExtensionTasks + `":{}}}`)

// lacks refuses what needs capabilities that the client did not declare.
func (q *question) lacks(capabilities []byte) answer {
	data := append(append([]byte(`{"requiredCapabilities":`), capabilities...), '}')
	return q.errored(wire.CodeMissingCapability, "Missing required client capability", data)
}
