package task

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

const (
	// Silence is how long a worker may say nothing before its tasks are
	// anybody's to take over.
	Silence = 30 * time.Second
	// Beat is how often it says that it is there.
	Beat = 10 * time.Second
)

// A presence says until when a worker counts as being there. It stays until
// nothing is left that the worker saw to.
type presence struct {
	Worker string    `json:"worker"`
	Until  time.Time `json:"until"`
}

// Row implements store.Rower.
func (presence) Row() store.Row {
	return store.Row{Index: []store.Index{{Name: "all", Value: "all"}}}
}

// A Worker is one instance that sees to tasks. It is safe for concurrent use.
type Worker struct {
	*Tasks
	ID string // wrk_…
}

// NewWorker returns a worker that nobody knows yet.
func (s *Tasks) NewWorker() *Worker { return &Worker{s, ostiary.NewID("wrk")} }

// Present says that the worker is there, for the time of Silence. It has to
// have said so before it takes tasks.
func (w *Worker) Present(ctx context.Context) error {
	return w.until(ctx, w.now().Add(Silence))
}

// Leave says that the worker is gone: others need not wait to take over.
func (w *Worker) Leave(ctx context.Context) error { return w.until(ctx, w.now()) }

func (w *Worker) until(ctx context.Context, end time.Time) error {
	var tx store.Tx
	if err := w.workers.Put(ctx, &tx, w.ID, presence{w.ID, end}); err != nil {
		return err
	}
	_, err := w.db.Commit(ctx, tx)
	return wrap("say that this instance is there", err)
}

// Orphans lists tasks of workers that are gone. A worker that has left none
// is forgotten.
func (w *Worker) Orphans(ctx context.Context) ([]Task, error) {
	workers, err := w.workers.All(ctx, store.Index{Name: "all", Value: "all"})
	if err != nil {
		return nil, wrap("look for instances that are gone", err)
	}
	var orphans []Task
	for _, it := range workers {
		if it.Value.Worker == w.ID || w.clock.Now().Before(it.Value.Until) {
			continue
		}
		left, err := w.left(ctx, it)
		if err != nil {
			return nil, err
		}
		orphans = append(orphans, left...)
	}
	return orphans, nil
}

func (w *Worker) left(ctx context.Context, gone store.Item[presence]) ([]Task, error) {
	items, err := w.tasks.All(ctx, store.Index{Name: "worker", Value: gone.ID})
	if err != nil {
		return nil, wrap("look for tasks of an instance that is gone", err)
	}
	var left []Task
	for _, it := range items {
		left = append(left, it.Value)
	}
	if len(left) > 0 {
		return left, nil
	}
	var tx store.Tx
	w.workers.Delete(&tx, gone.ID, gone.Version)
	if _, err := w.db.Commit(ctx, tx); err != nil && !errors.Is(err, store.ErrConflict) {
		return nil, wrap("forget an instance that is gone", err)
	}
	return nil, nil
}

// Adopt takes over a task that another worker left. Of many who try, one
// succeeds; the others get an error wrapping ErrTaken.
func (w *Worker) Adopt(ctx context.Context, orphan Task) (Task, error) {
	return w.Change(ctx, orphan.ID, func(_ *store.Tx, t *Task) error {
		if t.Over() || t.Worker != orphan.Worker {
			return ErrTaken
		}
		t.Worker = w.ID
		return nil
	})
}

// End ends a task that is the worker's; another's is ErrTaken.
func (w *Worker) End(ctx context.Context, id string, how func(*Task)) (Task, error) {
	return w.Change(ctx, id, func(_ *store.Tx, t *Task) error {
		if t.Over() || t.Worker != w.ID {
			return ErrTaken
		}
		how(t)
		return nil
	})
}

// Send adds to the commit of a call's intent that the task is sent, as that
// call, by this worker. It returns an error wrapping ErrTaken where it is not the worker's
// to send; the commit conflicts where it ceases to be.
func (w *Worker) Send(ctx context.Context, tx *store.Tx, id string, as ostiary.CallID) error {
	t, version, err := w.get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return ErrTaken
	}
	if err != nil {
		return err
	}
	if t.State != Waiting || t.Worker != w.ID {
		return ErrTaken
	}
	t.State, t.Call = Sent, as
	return w.update(ctx, tx, t, version)
}

// PutBack says of a sent task that it was not sent after all, which the worker
// has to know: it waits again. What is not the worker's is left as it is.
func (w *Worker) PutBack(ctx context.Context, id string) error {
	_, err := w.Change(ctx, id, func(_ *store.Tx, t *Task) error {
		if t.State != Sent || t.Worker != w.ID {
			return ErrTaken
		}
		t.State = Waiting
		return nil
	})
	if errors.Is(err, ErrTaken) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
