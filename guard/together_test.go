package guard_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/store"
)

var mark = store.Key{Kind: "mark", ID: "one"}

// marked is a call that may pass only while mark is absent, and leaves it.
func (i *instance) marked(r guard.Request, tries *int) guard.Request {
	r.Together = func(ctx context.Context, tx *store.Tx, _ *ostiary.Call) error {
		*tries++
		if _, err := i.db.Get(ctx, mark); err == nil {
			return errMarked
		}
		tx.Assert(mark, 0)
		tx.Put(store.Put{Key: mark})
		return nil
	}
	return r
}

var errMarked = errors.New("marked")

func (h *house) marking(t *testing.T) bool {
	t.Helper()
	_, err := h.db.Get(t.Context(), mark)
	return err == nil
}

func TestWhatGoesTogetherWithAPassIsWrittenWithItOrNotAtAll(t *testing.T) {
	for _, d := range []guard.Durability{guard.Strict, guard.Relaxed} {
		h := newHouse(t)
		h.guard.Durability, h.book.room = d, true
		stop := h.confirmed(t)
		tries := 0
		wantReason(t, h.guard.Admit(t.Context(), h.marked(h.call(remove, `{}`), &tries)), ostiary.ReasonApprovalRequired)
		if tries != 0 || h.marking(t) {
			t.Errorf("%s: got it written for a call that is held", d)
		}
		a := h.guard.Admit(t.Context(), h.marked(h.call(read, `{}`), &tries))
		wantReason(t, a, ostiary.ReasonNone)
		if !h.marking(t) {
			t.Errorf("%s: got a pass without what goes with it", d)
		}
		a.Pass.Done(t.Context(), audit.StatusOK, 0)
		stop()
	}
}

// confirmed has the instance follow the feed until stop, so that its intents
// may follow their calls where that is allowed.
func (h *house) confirmed(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.db.Watch(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); !h.db.ConfirmedWithin(time.Hour); {
		if time.Now().After(deadline) {
			t.Fatal("the feed was not confirmed")
		}
		time.Sleep(time.Millisecond)
	}
	return func() { cancel(); <-done }
}

func TestACallWhoseCompanyDeclinesSpendsAndRecordsNothing(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	before, tries := len(h.entries(t)), 0
	if _, err := h.db.Commit(t.Context(), store.Tx{Puts: []store.Put{{Key: mark}}}); err != nil {
		t.Fatal(err)
	}
	a := h.guard.Admit(t.Context(), h.marked(h.call(remove, `{}`), &tries))
	if a.Pass != nil || !errors.Is(a.Decision.Err, errMarked) {
		t.Errorf("got %+v; want no pass, and the reason", a.Decision)
	}
	if after := len(h.entries(t)); after != before {
		t.Errorf("got %d entries more; want none", after-before)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonNone) // the yes was not spent
}

func TestOfTwoCallsThatGoWithTheSameOnePasses(t *testing.T) {
	h := newHouse(t)
	other := h.another(t)
	passed := make(chan bool, 2)
	for _, i := range []*instance{h.instance, other} {
		go func() {
			tries := 0
			passed <- i.guard.Admit(t.Context(), i.marked(i.call(read, `{}`), &tries)).Pass != nil
		}()
	}
	if a, b := <-passed, <-passed; a == b {
		t.Errorf("got %v and %v; want one of them through", a, b)
	}
}
