package task_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

type house struct {
	*task.Tasks
	db    *store.DB
	clock *storetest.Clock
	raw   store.Store
	ring  *store.Keyring
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := storetest.ClockAt(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	h := &house{clock: c, raw: memory.Open(c), ring: store.NewKeyring(c)}
	h.db = h.open(t)
	h.Tasks = task.New(h.db)
	return h
}

func (h *house) open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), h.raw, h.ring, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// worker is one more instance, that says it is there.
func (h *house) worker(t *testing.T) *task.Worker {
	t.Helper()
	w := task.New(h.open(t)).NewWorker()
	if err := w.Present(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (h *house) waiting(w *task.Worker) task.Task {
	return task.Task{
		Holder: task.Holder{Tenant: "acme", Subject: "alice", Session: "ses_1"}, State: task.Waiting, Worker: w.ID,
		Request: "req_1", Message: []byte(`{"id":1}`), Ends: h.clock.Now().Add(time.Hour),
	}
}

func (h *house) create(t *testing.T, w *task.Worker) task.Task {
	t.Helper()
	made, err := w.Create(t.Context(), h.waiting(w))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func send(ctx context.Context, w *task.Worker, db *store.DB, id string) error {
	var tx store.Tx
	if err := w.Send(ctx, &tx, id, "cal_1"); err != nil {
		return err
	}
	_, err := db.Commit(ctx, tx)
	return err
}

func (h *house) state(t *testing.T, id string) task.State {
	t.Helper()
	now, err := h.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return now.State
}

func TestATaskIsSentOnceByItsWorkerAlone(t *testing.T) {
	h := newHouse(t)
	mine, other := h.worker(t), h.worker(t)
	made := h.create(t, mine)
	if err := send(t.Context(), other, h.db, made.ID); !errors.Is(err, task.ErrTaken) {
		t.Errorf("got %v of another worker; want ErrTaken", err)
	}
	var early store.Tx // asserts the task as it is now
	if err := mine.Send(t.Context(), &early, made.ID, "cal_1"); err != nil {
		t.Fatal(err)
	}
	if err := send(t.Context(), mine, h.db, made.ID); err != nil {
		t.Fatalf("got %v; want it sent", err)
	}
	if _, err := h.db.Commit(t.Context(), early); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v of a commit that comes too late; want a conflict", err)
	}
	if err := send(t.Context(), mine, h.db, made.ID); !errors.Is(err, task.ErrTaken) {
		t.Errorf("got %v the second time; want ErrTaken", err)
	}
	if err := send(t.Context(), mine, h.db, "tsk_nobody"); !errors.Is(err, task.ErrTaken) {
		t.Errorf("got %v of a task that is not there; want ErrTaken", err)
	}
}

func TestAPausedWorkerSendsNothingOnceAnotherTookOver(t *testing.T) {
	h := newHouse(t)
	paused, other := h.worker(t), h.worker(t)
	made := h.create(t, paused)
	var late store.Tx
	if err := paused.Send(t.Context(), &late, made.ID, "cal_1"); err != nil {
		t.Fatal(err)
	}
	h.clock.Move(task.Silence)
	if err := other.Present(t.Context()); err != nil {
		t.Fatal(err)
	}
	orphans, err := other.Orphans(t.Context())
	if err != nil || len(orphans) != 1 || orphans[0].ID != made.ID {
		t.Fatalf("got orphans %v, %v; want the task", orphans, err)
	}
	if _, err := other.Adopt(t.Context(), orphans[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := h.db.Commit(t.Context(), late); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v of the paused worker's commit; want a conflict", err)
	}
	if _, err := paused.End(t.Context(), made.ID, (*task.Task).Cancel); !errors.Is(err, task.ErrTaken) {
		t.Errorf("got %v of the paused worker's end; want ErrTaken", err)
	}
	if err := send(t.Context(), other, h.db, made.ID); err != nil {
		t.Errorf("got %v; want the other one to send it", err)
	}
}

func TestAWorkerThatIsThereLosesNothing(t *testing.T) {
	h := newHouse(t)
	mine, other := h.worker(t), h.worker(t)
	h.create(t, mine)
	none := func(when string) {
		t.Helper()
		if orphans, err := other.Orphans(t.Context()); err != nil || len(orphans) != 0 {
			t.Errorf("%s: got %v, %v; want nothing to take over", when, orphans, err)
		}
	}
	h.clock.Move(task.Silence - time.Millisecond)
	none("just before the end")
	if err := mine.Present(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.clock.Move(task.Silence - time.Millisecond)
	none("after another word")
	if err := mine.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if orphans, err := other.Orphans(t.Context()); err != nil || len(orphans) != 1 {
		t.Errorf("got %v, %v; want the task of a worker that left", orphans, err)
	}
}

func TestOfManyWhoTakeOverOneSucceeds(t *testing.T) {
	h := newHouse(t)
	gone := h.worker(t)
	h.create(t, gone)
	if err := gone.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	var won sync.Map
	var wg sync.WaitGroup
	heirs := map[*task.Worker]task.Task{}
	for range 8 {
		w := h.worker(t)
		orphans, err := w.Orphans(t.Context())
		if err != nil || len(orphans) != 1 {
			t.Fatalf("got %v, %v; want one orphan", orphans, err)
		}
		heirs[w] = orphans[0]
	}
	for w, orphan := range heirs {
		wg.Go(func() {
			if _, err := w.Adopt(t.Context(), orphan); err == nil {
				won.Store(w.ID, true)
			} else if !errors.Is(err, task.ErrTaken) {
				t.Errorf("got %v; want ErrTaken", err)
			}
		})
	}
	wg.Wait()
	n := 0
	won.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("got %d that took over; want one", n)
	}
}

func TestAWorkerThatLeftNothingIsForgotten(t *testing.T) {
	h := newHouse(t)
	gone, other := h.worker(t), h.worker(t)
	made := h.create(t, gone)
	if _, err := gone.End(t.Context(), made.ID, (*task.Task).Cancel); err != nil {
		t.Fatal(err)
	}
	if err := gone.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	workers := func() int {
		p, err := h.raw.List(t.Context(), store.Query{Kind: "task-worker"})
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Records)
	}
	if n := workers(); n != 2 {
		t.Fatalf("got %d workers; want two", n)
	}
	if orphans, err := other.Orphans(t.Context()); err != nil || len(orphans) != 0 || workers() != 1 {
		t.Errorf("got %v, %v and %d workers; want nothing, and one", orphans, err, workers())
	}
}

func TestNobodyHasMoreOpenTasksThanOneMay(t *testing.T) {
	h := newHouse(t)
	w := h.worker(t)
	var mu sync.Mutex
	var made []task.Task
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				switch one, err := w.Create(t.Context(), h.waiting(w)); {
				case err == nil:
					mu.Lock()
					made = append(made, one)
					mu.Unlock()
				case !errors.Is(err, task.ErrTooMany):
					t.Errorf("got %v; want ErrTooMany", err)
				}
			}
		})
	}
	wg.Wait()
	if len(made) != 64 {
		t.Fatalf("got %d open tasks; want 64", len(made))
	}
	bob := h.waiting(w)
	bob.Holder.Subject = "bob"
	if _, err := w.Create(t.Context(), bob); err != nil {
		t.Errorf("got %v of somebody else's; want no harm done to them", err)
	}
	if _, err := w.End(t.Context(), made[0].ID, (*task.Task).Cancel); err != nil {
		t.Fatal(err)
	}
	h.create(t, w)
	h.clock.Move(time.Hour) // all of them are gone, by themselves
	for range 64 {
		h.create(t, w)
	}
}

func TestATaskIsThereUntilTheInstantOfItsEnd(t *testing.T) {
	h := newHouse(t)
	w := h.worker(t)
	made := h.create(t, w)
	if _, err := w.End(t.Context(), made.ID, func(t *task.Task) { t.Complete([]byte(`{"x": "<&>"}`)) }); err != nil {
		t.Fatal(err)
	}
	h.clock.Move(time.Hour - time.Millisecond)
	got, err := h.Get(t.Context(), made.ID)
	if err != nil || string(got.Result) != `{"x": "<&>"}` || got.Message != nil || got.Worker != "" {
		t.Errorf("got %+v, %v; want the result byte for byte, and nothing that is no longer needed", got, err)
	}
	h.clock.Move(time.Millisecond)
	if _, err := h.Get(t.Context(), made.ID); !errors.Is(err, task.ErrNotFound) {
		t.Errorf("got %v; want ErrNotFound", err)
	}
}

func TestAnEndIsTheLastWord(t *testing.T) {
	for end, how := range map[task.State]func(*task.Task){
		task.Cancelled: (*task.Task).Cancel,
		task.Failed:    func(t *task.Task) { t.Fail([]byte(`{}`)) },
		task.Completed: func(t *task.Task) { t.Complete([]byte(`{}`)) },
	} {
		h := newHouse(t)
		w := h.worker(t)
		made := h.create(t, w)
		if _, err := w.End(t.Context(), made.ID, how); err != nil {
			t.Fatal(err)
		}
		if err := send(t.Context(), w, h.db, made.ID); !errors.Is(err, task.ErrTaken) {
			t.Errorf("%s: got %v; want nothing sent", end, err)
		}
		if _, err := w.End(t.Context(), made.ID, (*task.Task).Cancel); !errors.Is(err, task.ErrTaken) || h.state(t, made.ID) != end {
			t.Errorf("%s: got %v, and %s; want it to stay", end, err, h.state(t, made.ID))
		}
		if _, err := w.Adopt(t.Context(), made); !errors.Is(err, task.ErrTaken) {
			t.Errorf("%s: got %v; want nobody to take it over", end, err)
		}
	}
}

func TestOneKnowsWhetherAnotherTaskWaitsForARequest(t *testing.T) {
	h := newHouse(t)
	w := h.worker(t)
	first := h.create(t, w)
	wait := func(want bool) {
		t.Helper()
		if got, err := h.Waits(t.Context(), "req_1", first.ID); err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	wait(false)
	second := h.create(t, w)
	wait(true)
	if err := send(t.Context(), w, h.db, second.ID); err != nil {
		t.Fatal(err)
	}
	wait(false)
}

func TestAChangeStartsAgainWhenAnotherWasFaster(t *testing.T) {
	h := newHouse(t)
	w := h.worker(t)
	made := h.create(t, w)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := w.Change(t.Context(), made.ID, func(_ *store.Tx, t *task.Task) error {
				t.Note += "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := h.Get(t.Context(), made.ID); err != nil || got.Note != "xxxx" {
		t.Errorf("got %q, %v; want every change", got.Note, err)
	}
	stop := fmt.Errorf("stop")
	if _, err := w.Change(t.Context(), made.ID, func(*store.Tx, *task.Task) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v; want the change's own error", err)
	}
}

func TestWhatWasNotSentAfterAllWaitsAgain(t *testing.T) {
	h := newHouse(t)
	mine, other := h.worker(t), h.worker(t)
	made := h.create(t, mine)
	for _, c := range []struct {
		by   *task.Worker
		want task.State
	}{{mine, task.Waiting}, {other, task.Sent}} {
		if err := send(t.Context(), mine, h.db, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := c.by.PutBack(t.Context(), made.ID); err != nil || h.state(t, made.ID) != c.want {
			t.Errorf("got %v, %s; want %s", err, h.state(t, made.ID), c.want)
		}
	}
	if err := mine.PutBack(t.Context(), "tsk_nobody"); err != nil {
		t.Errorf("got %v; want nothing to happen", err)
	}
}
