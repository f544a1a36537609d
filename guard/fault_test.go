package guard_test

import (
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store/storetest"
)

// TestWhicheverStorageOperationFailsNothingIsLetThroughTwice fails one
// operation of a whole story, for every n until none is hit: a yes is used
// at most once, nothing passes without its yes and its record, and once
// storage works again so does the house.
func TestWhicheverStorageOperationFailsNothingIsLetThroughTwice(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			if hit := storyWithFault(t, n, after); !hit {
				if n < 10 {
					t.Fatalf("the story made only %d operations: it tests nothing", n)
				}
				break
			}
		}
	}
}

func storyWithFault(t *testing.T, n int64, after bool) (hit bool) {
	t.Helper()
	h := newHouse(t)
	f := storetest.NewFaulty(h.raw, after)
	i := h.over(t, f)
	f.FailAt(n)

	passed := 0
	try := func() {
		a := i.guard.Admit(t.Context(), i.call(remove, `{"id":1}`))
		if a.Pass != nil {
			passed++
			a.Pass.Done(t.Context(), audit.StatusOK, 1)
		}
	}
	try() // asks
	approved := i.approveOnce(t, h)
	try() // goes through, if it was approved
	try() // asks again
	hit = f.Hit()

	if passed > 1 || passed == 1 && !approved && !after {
		t.Errorf("n=%d after=%v: %d calls went through; approved: %v", n, after, passed, approved)
	}
	h.checkRecords(t, n, passed)
	f.Heal()
	wantWorking(t, h, i)
	return hit
}

// approveOnce says yes to what waits, if anything does, and tells whether
// that was acknowledged.
func (i *instance) approveOnce(t *testing.T, h *house) bool {
	t.Helper()
	requests, _, err := i.approvals.Requests(t.Context(), h.person("alice"), approval.Pending, 10, "")
	if err != nil || len(requests) == 0 {
		return false
	}
	_, err = i.approvals.Decide(t.Context(), requests[0].ID, h.person("alice"), approval.Answer{Decision: approval.Approve, Scope: approval.Once}, tenMinutes)
	return err == nil
}

// checkRecords wants an intent, with its grant, for every call let through.
func (h *house) checkRecords(t *testing.T, n int64, passed int) {
	t.Helper()
	intents, unsent := 0, 0
	for _, e := range h.entries(t) {
		switch {
		case e.Kind == audit.KindIntent && e.GrantID == "":
			t.Errorf("n=%d: an intent without its grant", n)
		case e.Kind == audit.KindIntent:
			intents++
		case e.Kind == audit.KindOutcome && e.Upstream.Status == audit.StatusNotSent:
			unsent++
		}
	}
	if intents-unsent != passed {
		t.Errorf("n=%d: %d intents (%d proven unsent) for %d calls", n, intents, unsent, passed)
	}
}

func wantWorking(t *testing.T, h *house, i *instance) {
	t.Helper()
	a := i.guard.Admit(t.Context(), i.call(remove, `{"id":2}`))
	if a.Waiting == nil {
		t.Fatalf("after the fault: got %+v; want to be asked", a.Decision)
	}
	if _, err := i.approvals.Decide(t.Context(), a.Waiting.ID, h.person("alice"), approval.Answer{Decision: approval.Approve}, tenMinutes); err != nil {
		t.Fatalf("after the fault: %v", err)
	}
	wantReason(t, i.guard.Admit(t.Context(), i.call(remove, `{"id":2}`)), ostiary.ReasonNone)
}
