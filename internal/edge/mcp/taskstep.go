package mcp

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// keepingResult is how long what came of a task is kept, at least.
	keepingResult = time.Hour
	// polling is how often a client need not ask for a task more than.
	polling = 2 * time.Second
)

// takesTask says whether the client declared, with this very call, that it can
// be answered with a task.
func (q *question) takesTask() bool {
	return q.stateless() && q.m.Method == wire.MethodToolsCall && q.declaresTasks()
}

// declaresTasks reads the capabilities that came with the message.
func (q *question) declaresTasks() bool {
	declared, ok := wire.Lookup(q.m.Meta.ClientCapabilities, "extensions", wire.ExtensionTasks)
	return ok && wire.IsObject(declared)
}

// begin makes a task of a call that waits for an approval, if the client can
// take one: it need not wait, and the call goes on by itself. Whoever has as
// many open tasks as one may is served as a client without them.
func (q *question) begin(ctx context.Context, t target, a guard.Answer) bool {
	if !q.takesTask() {
		return false
	}
	made, err := q.errands.begin(context.WithoutCancel(ctx), q.taskOf(t, a), a)
	if err != nil {
		if !errors.Is(err, task.ErrTooMany) {
			q.config.Logger.Error("a task could not be made; the client is served without", "call_id", a.Call.ID, "error", err)
		}
		return false
	}
	q.task = &made
	return true
}

func (q *question) taskOf(t target, a guard.Answer) task.Task {
	return task.Task{
		Holder: task.HolderOf(a.Call.Principal), Endpoint: string(q.endpoint), From: q.addr, State: task.Waiting,
		Call: a.Call.ID, Tool: t.tool.ID, AppName: t.tool.AppName, Digest: t.tool.Digest, Message: q.m.Body,
		Request: a.Waiting.ID, Note: q.sentence(a), Meta: q.meta(a), Ends: a.Waiting.ExpiresAt.Add(keepingResult),
	}
}

// given answers a call with its task. The client learns what came of it by
// tasks/get alone.
func (q *question) given() answer {
	dst := q.appendTask([]byte(`{"resultType":"task",`), *q.task)
	return q.answered(append(dst, '}'))
}

// appendTask writes the members that every answer with a task has.
func (q *question) appendTask(dst []byte, t task.Task) []byte {
	dst = wire.AppendString(append(dst, `"taskId":`...), t.ID)
	dst = wire.AppendString(append(dst, `,"status":`...), q.statusOfTask(t))
	if t.State == task.Waiting {
		text := t.Note + " Open " + q.approvalURL(t.Request) + " to decide. Nothing was called yet; after a yes the call is made by itself."
		dst = wire.AppendString(append(dst, `,"statusMessage":`...), text)
	}
	dst = wire.AppendString(append(dst, `,"createdAt":`...), stamp(t.Created))
	dst = wire.AppendString(append(dst, `,"lastUpdatedAt":`...), stamp(t.Updated))
	dst = strconv.AppendInt(append(dst, `,"ttlMs":`...), t.Ends.Sub(t.Created).Milliseconds(), 10)
	dst = strconv.AppendInt(append(dst, `,"pollIntervalMs":`...), polling.Milliseconds(), 10)
	if t.State == task.Waiting {
		dst = append(append(dst, `,"_meta":`...), t.Meta...)
	}
	return dst
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// statusOfTask is the status in the words of the extension. Input is asked for
// only of a client that declared, with this message, that it can show a link,
// and once.
func (q *question) statusOfTask(t task.Task) string {
	switch {
	case t.State == task.Waiting && q.client.elicitsURLs && !t.Shown:
		return "input_required"
	case !t.Over():
		return "working"
	}
	return string(t.State)
}
