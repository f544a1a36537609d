package guard_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// An eager store lets something happen just before a commit whose answer is
// then lost, although nothing of it was done.
type eager struct {
	store.Store
	before atomic.Pointer[func()]
}

func (e *eager) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if f := e.before.Swap(nil); f != nil {
		(*f)()
		return store.Receipt{}, store.ErrUnknownOutcome
	}
	return e.Store.Commit(ctx, tx)
}

func TestALostAnswerNeverGivesBackAYesThatAnotherCallUsed(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	raw := &eager{Store: h.raw}
	unlucky := h.over(t, raw)
	faster := func() { wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonNone) }
	raw.before.Store(&faster)

	wantReason(t, unlucky.guard.Admit(t.Context(), unlucky.call(remove, `{}`)), ostiary.ReasonUnavailable)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
}

func TestACallThatEndsTwiceGivesItsYesBackOnce(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	first := h.guard.Admit(t.Context(), h.call(remove, `{}`))
	wantReason(t, first, ostiary.ReasonNone)
	first.Pass.Done(t.Context(), audit.StatusNotSent, 0)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonNone)
	first.Pass.Done(t.Context(), audit.StatusNotSent, 0)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)

	outcomes := 0
	for _, k := range h.kinds(t) {
		if k == audit.KindOutcome {
			outcomes++
		}
	}
	if outcomes != 1 {
		t.Errorf("got %d outcomes of one call; want 1", outcomes)
	}
}

// A forgetful store loses the log once: somebody else appended to it.
type forgetful struct {
	store.Store
	taken atomic.Bool
}

func (f *forgetful) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if len(tx.Appends) > 0 && f.taken.Swap(false) {
		return store.Receipt{}, store.ErrLogTaken
	}
	return f.Store.Commit(ctx, tx)
}

func TestRefusalsAndOutcomesAreWrittenAlsoWhenTheLogWasTaken(t *testing.T) {
	h := newHouse(t)
	raw := &forgetful{Store: h.raw}
	i := h.over(t, raw)
	a := i.guard.Admit(t.Context(), i.call(read, `{}`))
	raw.taken.Store(true)
	a.Pass.Done(t.Context(), audit.StatusOK, 1)

	nobody := i.call(read, `{}`)
	nobody.Identify = func(context.Context) (*ostiary.Principal, error) { return nil, nil }
	raw.taken.Store(true)
	wantReason(t, i.guard.Admit(t.Context(), nobody), ostiary.ReasonUnauthenticated)

	kinds := h.kinds(t)
	if len(kinds) != 3 || kinds[1] != audit.KindOutcome || kinds[2] != audit.KindRefusal {
		t.Errorf("got entries %v; want intent, outcome and refusal", kinds)
	}
}
