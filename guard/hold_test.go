package guard_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

// connect is an embedder's gate that holds every call for a step of its own.
type connect struct{}

func (connect) Name() string { return "connect" }

func (connect) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List {
		return ostiary.Passed(), nil
	}
	return ostiary.Verdict{Effect: ostiary.Hold, Reason: ostiary.ReasonAuthorizationRequired, Step: &ostiary.Step{Kind: ostiary.StepConnect}}, nil
}

func TestACallHeldForAStepThatIsNoApprovalIsRecorded(t *testing.T) {
	h := newHouse(t)
	h.guard.Replace(1, append(h.guard.Gates(), connect{}), h.guard.Category)
	a := h.guard.Admit(t.Context(), h.call(read, `{}`))
	wantReason(t, a, ostiary.ReasonAuthorizationRequired)
	if a.Decision.Effect != ostiary.Hold || a.Decision.Step == nil || a.Waiting != nil {
		t.Errorf("got %+v; want it held for its step", a.Decision)
	}
	all := h.entries(t)
	if len(all) != 1 || all[0].Kind != audit.KindRefusal || all[0].Decision.Effect != "hold" {
		t.Errorf("got %+v; want one refusal with effect hold", all)
	}
}

func TestWithoutGatesNothingIsLetThrough(t *testing.T) {
	h := newHouse(t)
	h.guard.Replace(1, nil, h.guard.Category)
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonUnavailable)
}

func TestEveryHeldCallIsRecordedAsHeld(t *testing.T) {
	h := newHouse(t)
	made := h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`))
	attached := h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`))
	wantReason(t, made, ostiary.ReasonApprovalRequired)
	wantReason(t, attached, ostiary.ReasonApprovalRequired)
	if made.Waiting.ID != attached.Waiting.ID {
		t.Fatalf("got requests %s and %s; want one", made.Waiting.ID, attached.Waiting.ID)
	}
	all := h.entries(t)
	if len(all) != 2 {
		t.Fatalf("got %d entries; want one for each call", len(all))
	}
	for i, c := range []struct {
		kind audit.Kind
		call ostiary.CallID
	}{{audit.KindApproval, made.Call.ID}, {audit.KindRefusal, attached.Call.ID}} {
		e := all[i]
		if e.Kind != c.kind || e.CallID != c.call || e.ApprovalID != made.Waiting.ID || e.Actor.Subject != "alice" || e.Tool != remove.ID {
			t.Errorf("got %+v; want kind %s of call %s and request %s", e, c.kind, c.call, made.Waiting.ID)
		}
		want := &audit.Decision{Effect: "hold", Reason: ostiary.ReasonApprovalRequired, Gate: "approval", Rule: made.Decision.Rule, Trail: ostiary.TrailOf(h.guard.Gates(), made.Decision)}
		if diff := cmp.Diff(want, e.Decision); diff != "" {
			t.Errorf("decision of entry %d (-want +got):\n%s", i, diff)
		}
	}
}
