package guard_test

import (
	"context"
	"testing"

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
	h.guard.Gates = append(h.guard.Gates, connect{})
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
	h.guard.Gates = nil
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonUnavailable)
}
