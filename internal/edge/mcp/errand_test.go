package mcp_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/task"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// A cut store is one that an instance can't reach for a while.
type cut struct {
	store.Store
	down atomic.Bool
}

var errCut = errors.New("storage can't be reached")

func (c *cut) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if c.down.Load() {
		return store.Record{}, errCut
	}
	return c.Store.Get(ctx, k)
}

func (c *cut) List(ctx context.Context, q store.Query) (store.Page, error) {
	if c.down.Load() {
		return store.Page{}, errCut
	}
	return c.Store.List(ctx, q)
}

func (c *cut) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if c.down.Load() {
		return store.Receipt{}, errCut
	}
	return c.Store.Commit(ctx, tx)
}

// silence lets the time pass after which an instance that says nothing is
// taken for gone.
func (h *house) silence() {
	h.clock.move(task.Silence)
	time.Sleep(task.Beat)
	synctest.Wait()
}

func TestWhatWasNotSentAnotherInstanceMakes(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		c := &cut{Store: h.raw}
		lost := h.over(t, c)
		lost.follow(ctx)
		id := lost.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		c.down.Store(true)
		h.decide(t, "approve")
		h.wantStatus(t, id, "working")
		h.silence()
		if got := h.wantStatus(t, id, "completed"); !strings.Contains(got.text(), "done") {
			t.Errorf("got %s; want the call made", got.Result)
		}
		// Who was lost is there again, knows of the yes, and makes no second call.
		c.down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(h.upstreams.got()); n != 1 {
			t.Errorf("got %d calls; want one", n)
		}
		h.wantStatus(t, id, "completed")
	})
}

func TestAnInstanceThatIsThereKeepsItsTasks(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		h.another(t).follow(ctx)
		id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		whose := func() string {
			t.Helper()
			one, err := task.New(h.db).Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return one.Worker
		}
		before := whose()
		for range 10 {
			h.clock.move(task.Beat)
			time.Sleep(task.Beat)
			synctest.Wait()
		}
		if after := whose(); after != before {
			t.Errorf("got the task with %s; want it to stay with %s", after, before)
		}
	})
}

func TestAPausedInstanceSendsNothingOnceAnotherTookOver(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		paused := h.another(t) // hears of nothing: it is not told of the yes
		id := paused.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		h.silence()
		h.decide(t, "approve")
		h.wantStatus(t, id, "completed")
		paused.follow(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(h.upstreams.got()); n != 1 {
			t.Errorf("got %d calls; want one", n)
		}
	})
}

func TestWhatMayHaveRunIsNotSentAgain(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		c := &cut{Store: h.raw}
		lost := h.over(t, c)
		lost.follow(ctx)
		arrived, answer := make(chan struct{}), make(chan struct{})
		h.upstreams.answers(func(context.Context, sent, func([]byte)) (upstream.Reply, error) {
			close(arrived)
			<-answer
			return upstream.Reply{Result: []byte(`{"content":[]}`), Era: wire.Version20251125}, nil
		})
		id := lost.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		<-arrived
		c.down.Store(true)
		h.silence()
		got := h.wantStatus(t, id, "failed")
		if !strings.Contains(string(got.Error), "is not known") || !strings.Contains(string(got.Error), `"code":-32603`) {
			t.Errorf("got %s; want that nobody knows", got.Error)
		}
		c.down.Store(false)
		close(answer)
		time.Sleep(time.Minute)
		if again := h.wantStatus(t, id, "failed"); string(again.Error) != string(got.Error) || len(h.upstreams.got()) != 1 {
			t.Errorf("got %s, %d calls; want what was said to stay, and one call", again.Error, len(h.upstreams.got()))
		}
	})
}

func TestAStoppedGatewayLeavesWhatWaitsToOthersAtOnce(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		stopping := h.another(t)
		working, stop := context.WithCancel(ctx)
		stopping.follow(working)
		id := stopping.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		stop()
		stopping.handler.Close()
		stopping.handler.Drain(ctx)
		time.Sleep(task.Beat)
		h.decide(t, "approve")
		h.wantStatus(t, id, "completed")
		if n := len(h.upstreams.got()); n != 1 {
			t.Errorf("got %d calls; want one", n)
		}
	})
}

func TestAStopWaitsForWhatWasSentAndGivesItUpInTheEnd(t *testing.T) {
	for _, patient := range []bool{true, false} {
		tasking(t, func(ctx context.Context, t *testing.T, h *house) {
			stopping := h.another(t)
			stopping.follow(ctx)
			h.upstreams.answers(func(ctx context.Context, _ sent, _ func([]byte)) (upstream.Reply, error) {
				select {
				case <-ctx.Done():
					return upstream.Reply{}, ctx.Err()
				case <-time.After(10 * time.Second):
					return upstream.Reply{Result: []byte(`{"content":[]}`), Era: wire.Version20251125}, nil
				}
			})
			id := stopping.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			h.decide(t, "approve")
			h.wantStatus(t, id, "working")
			stopping.handler.Close()
			bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
			want, end := "failed", audit.StatusUnknown
			if patient {
				bounded, want, end = ctx, "completed", audit.StatusOK
			}
			stopping.handler.Drain(bounded)
			cancel()
			h.wantStatus(t, id, want)
			if got := h.book.outcomes(); len(got) != 1 || got[0] != end {
				t.Errorf("got outcomes %v; want %s", got, end)
			}
		})
	}
}

func TestWhatCameOfATaskIsNotLostWhileStorageIsDownForAMoment(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		c := &cut{Store: h.raw}
		i := h.over(t, c)
		i.follow(ctx)
		h.upstreams.answers(func(context.Context, sent, func([]byte)) (upstream.Reply, error) {
			c.down.Store(true)
			return upstream.Reply{Result: []byte(`{"content":[]}`), Era: wire.Version20251125}, nil
		})
		id := i.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		h.wantStatus(t, id, "working")
		time.Sleep(5 * time.Second)
		c.down.Store(false)
		time.Sleep(10 * time.Second)
		h.wantStatus(t, id, "completed")
	})
}

func TestATaskWaitsOnWhileStorageIsDown(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		c := &cut{Store: h.raw}
		i := h.over(t, c)
		i.follow(ctx)
		id := i.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		c.down.Store(true)
		h.decide(t, "approve") // which it hears of, and can't read
		time.Sleep(5 * time.Second)
		c.down.Store(false)
		time.Sleep(10 * time.Second)
		h.wantStatus(t, id, "completed")
	})
}

func TestAPanicEndsATaskAndNothingElse(t *testing.T) {
	tasking(t, func(_ context.Context, t *testing.T, h *house) {
		h.upstreams.answers(func(context.Context, sent, func([]byte)) (upstream.Reply, error) { panic("out of order") })
		id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		if got := h.wantStatus(t, id, "failed"); strings.Contains(string(got.Error), "out of order") {
			t.Errorf("got %s; want nothing of the inside told", got.Error)
		}
		if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
			t.Errorf("got outcomes %v; want unknown", got)
		}
	})
}

func TestAThousandTasksOfOnePersonAreNotAllMade(t *testing.T) {
	tasking(t, func(_ context.Context, t *testing.T, h *house) {
		made := 0
		for range 64 {
			h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			made++
		}
		began := time.Now()
		w := h.send(t, callForTask("alice", "crm__delete_contact", `{}`))
		if got := read(t, w.Body); got.reason() != "approval_required" || time.Since(began) != 25*time.Second {
			t.Errorf("got %s after %v; want the call held, as a client without tasks is served", w.Body, time.Since(began))
		}
		h.taskOf(t, callForTask("bob", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		synctest.Wait()
		if n := len(h.upstreams.got()); n != 1 {
			t.Errorf("got %d calls for %d equal tasks; want one", n, made)
		}
		h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`)) // what is over makes room
	})
}

func TestAYesThatWasUsedUpMeanwhileIsAskedForAgain(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		c := &cut{Store: h.raw}
		i := h.over(t, c)
		i.follow(ctx)
		id := i.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		first := h.pending(t)[0].ID
		c.down.Store(true)
		h.decide(t, "approve")
		h.send(t, call("alice", "crm__delete_contact", `{}`)) // a call that did not wait is faster
		c.down.Store(false)
		time.Sleep(10 * time.Second)
		got := h.wantStatus(t, id, "working")
		if all := h.pending(t); len(all) != 1 || all[0].ID == first || got.Meta["approval_id"] != all[0].ID {
			t.Fatalf("got requests %v and _meta %v; want another request, told of", all, got.Meta)
		}
		h.decide(t, "approve")
		h.wantStatus(t, id, "completed")
		if n := len(h.upstreams.got()); n != 2 {
			t.Errorf("got %d calls; want one for each yes", n)
		}
	})
}
