package mcp

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// maxToldTasks is of how many tasks one stream may tell.
const maxToldTasks = 200

const tooManyTasks = "params.notifications.taskIds must be a list of at most 200 ids."

// wantedTasks are the tasks that the client wants to hear of.
func (q *question) wantedTasks() ([]string, *answer) {
	raw, ok := wire.Lookup(q.m.Params, "notifications", "taskIds")
	if !ok {
		return nil, nil
	}
	if !q.declaresTasks() {
		a := q.lacks(needsTasks)
		return nil, &a
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil || len(ids) > maxToldTasks {
		a := q.errored(wire.CodeInvalidParams, tooManyTasks, nil)
		return nil, &a
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// toldTasks are the tasks that a stream tells of: each as tasks/get would show
// it, whenever that has become something else. They belong to the goroutine of
// the stream.
type toldTasks struct {
	*question
	last map[string][sha256.Size]byte // by id: what was said, zero at first
	news chan struct{}                // something may be to tell
	deaf func()
}

// tellTasks has a stream tell of those tasks that are the caller's, and
// returns their ids as JSON; nil: none. Each is told of once at the beginning,
// so that nothing is missed that happened since it was last asked for.
func (q *question) tellTasks(l *listener, ids []string) []byte {
	told := &toldTasks{question: q, last: map[string][sha256.Size]byte{}, news: make(chan struct{}, 1), deaf: func() {}}
	rows, granted := map[store.Key]bool{}, []string{}
	for _, id := range ids {
		if t, err := q.errands.worker.Get(l.r.Context(), id); err == nil && t.State != task.Away && q.owns(l.r.Context(), t) {
			told.last[id], rows[q.errands.worker.Row(id)] = [sha256.Size]byte{}, true
			granted = append(granted, id)
		}
	}
	if len(granted) == 0 {
		return nil
	}
	told.deaf = q.config.DB.OnChange(func(c store.Change) {
		if rows[c.Key] || c == store.Resync {
			told.nudge()
		}
	})
	told.nudge()
	l.tasks = told
	raw, err := json.Marshal(granted)
	if err != nil {
		panic(err) // of strings
	}
	return raw
}

func (d *toldTasks) nudge() {
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// heard is ready when something may be to tell; nil: never.
func (d *toldTasks) heard() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.news
}

func (d *toldTasks) close() {
	if d != nil {
		d.deaf()
	}
}

// tellTasks says which tasks are not what they were.
func (l *listener) tellTasks() bool {
	ctx := l.r.Context()
	for id := range l.tasks.last {
		t, err := l.errands.worker.Get(ctx, id)
		if err != nil || !l.tasks.owns(ctx, t) {
			continue
		}
		if !l.tellTask(t) {
			return false
		}
	}
	return true
}

func (l *listener) tellTask(t task.Task) bool {
	details := append(l.tasks.appendDetails([]byte(`{`), t), '}')
	if sum := sha256.Sum256(details); sum != l.tasks.last[t.ID] {
		l.tasks.last[t.ID] = sum
	} else {
		return true
	}
	params, err := wire.NewEdit(details).Set(l.tasks.m.ID, "_meta", wire.MetaSubscriptionID).Bytes()
	if err != nil {
		l.config.Logger.Error("a task can't be told of", "task", t.ID, "error", err)
		return true
	}
	return l.say(wire.AppendRequest(nil, nil, wire.MethodTaskChanged, params))
}
