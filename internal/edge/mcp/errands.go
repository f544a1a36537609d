package mcp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/store"
)

// Why the call of an errand ends early.
var (
	errUnwanted = errors.New("the client took the task back")
	errStopping = errors.New("the gateway stops")
)

// errands are the tasks that this instance sees to: each waits for its yes,
// and then makes its call.
type errands struct {
	*Handler
	worker *task.Worker
	life   context.Context // until what was sent is given up
	giveUp context.CancelCauseFunc
	deaf   func() // hears of no more changes

	mu      sync.Mutex
	mine    map[store.Key]*errand
	said    time.Time // when this instance last said that it is there; zero: not yet
	closed  bool
	running sync.WaitGroup
}

// An errand is one task under way.
type errand struct {
	id string
	// waiting ends with the gateway's stop, and calling when that takes too
	// long; both when the task is taken back.
	waiting, calling context.Context
	stopWaiting      context.CancelFunc
	cancel           context.CancelCauseFunc
}

func newErrands(h *Handler) *errands {
	e := &errands{Handler: h, worker: task.New(h.config.DB).NewWorker(), mine: map[store.Key]*errand{}}
	e.life, e.giveUp = context.WithCancelCause(context.Background())
	e.deaf = h.config.DB.OnChange(e.heard)
	return e
}

// begin keeps a new task and sees to it. held is what the guard said of it.
func (e *errands) begin(ctx context.Context, t task.Task, held guard.Answer) (task.Task, error) {
	if err := e.present(ctx); err != nil {
		return task.Task{}, err
	}
	t.Worker = e.worker.ID
	t, err := e.worker.Create(ctx, t)
	if err != nil {
		return task.Task{}, err
	}
	e.start(t, held)
	return t, nil
}

// present says that this instance is there, unless it has said so just now.
func (e *errands) present(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	if !e.said.IsZero() && now.Sub(e.said) < task.Beat {
		return nil
	}
	if err := e.worker.Present(ctx); err != nil {
		return err
	}
	e.said = now
	return nil
}

// start sees to a task on a goroutine of its own. Once the gateway stops,
// others see to it.
func (e *errands) start(t task.Task, held guard.Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	row := e.worker.Row(t.ID)
	if e.closed || e.mine[row] != nil {
		return
	}
	o := &errand{id: t.ID}
	o.calling, o.cancel = context.WithCancelCause(e.life)
	o.waiting, o.stopWaiting = context.WithCancel(o.calling)
	e.mine[row] = o
	e.running.Go(func() {
		defer e.done(row, o)
		e.see(o, t, held)
	})
}

func (e *errands) done(row store.Key, o *errand) {
	o.cancel(nil)
	o.stopWaiting()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mine, row)
}

// see takes a task to its end. Something that panics ends it as not known.
func (e *errands) see(o *errand, t task.Task, held guard.Answer) {
	defer func() {
		if cause := recover(); cause != nil {
			e.config.Logger.Error("a task made the gateway panic", "task", t.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			e.end(o, e.cutOff)
		}
	}()
	e.run(o, t, held)
}

// heard is told of every change in storage, by any instance.
func (e *errands) heard(c store.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for row, o := range e.mine {
		if (c == store.Resync || c.Key == row) && !e.closed {
			e.running.Go(func() { e.check(o) })
		}
	}
}

// check ends an errand whose task was taken back.
func (e *errands) check(o *errand) {
	t, err := e.worker.Get(o.calling, o.id)
	if err == nil && (t.Unwanted || t.State == task.Cancelled) {
		o.cancel(errUnwanted)
	}
}

// Work sees to tasks until ctx is done: it says that this instance is there,
// and takes over what instances left that are gone.
func (h *Handler) Work(ctx context.Context) {
	tick := time.NewTicker(task.Beat)
	defer tick.Stop()
	for {
		if err := h.errands.work(ctx); err != nil && ctx.Err() == nil {
			h.config.Logger.Error("tasks could not be looked after; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *errands) work(ctx context.Context) error {
	e.mu.Lock()
	busy := len(e.mine) > 0
	e.mu.Unlock()
	if busy {
		if err := e.present(ctx); err != nil {
			return err
		}
	}
	orphans, err := e.worker.Orphans(ctx)
	if err != nil {
		return err
	}
	for _, t := range orphans {
		if err := e.adopt(ctx, t); err != nil {
			return err
		}
	}
	return e.forgetUnheard(ctx)
}

// adopt goes on with a task that was not sent. What was sent may have run, and
// is not sent again: nobody will ever know.
func (e *errands) adopt(ctx context.Context, orphan task.Task) error {
	if err := e.present(ctx); err != nil {
		return err
	}
	t, err := e.worker.Adopt(ctx, orphan)
	if errors.Is(err, task.ErrTaken) || errors.Is(err, task.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.State == task.Sent {
		_, err = e.worker.End(ctx, t.ID, e.cutOff)
		return err
	}
	e.start(t, e.heldAs(t))
	return nil
}

// close lets others see to what waits. What was sent goes on.
func (e *errands) close() {
	e.deaf()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, o := range e.mine {
		o.stopWaiting()
	}
}

// Drain waits after Close until the calls of tasks have ended. When ctx is
// done first, they are given up.
func (h *Handler) Drain(ctx context.Context) {
	h.inflight.giveUp()
	e := h.errands
	ended := make(chan struct{})
	go func() { defer close(ended); e.running.Wait() }()
	select {
	case <-ended:
	case <-ctx.Done():
		e.giveUp(errStopping)
		<-ended
	}
	if e.said.IsZero() {
		return
	}
	if err := e.worker.Leave(context.WithoutCancel(ctx)); err != nil {
		h.config.Logger.Warn("other instances take over waiting tasks only in a while", "error", err)
	}
}
