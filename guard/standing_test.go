package guard_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
)

// TestAskingForEveryCallLeavesNoWayAroundAndNoWayShut: a wider yes from
// before lets nothing through any more, nor does it stand in the way of the
// yes to one call.
func TestAskingForEveryCallLeavesNoWayAroundAndNoWayShut(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{"id":1}`).ID, approval.Answer{Scope: approval.Session})
	rules, err := policy.Compile(policy.Config{Entries: []policy.Entry{{Match: "crm:delete_*", Approval: &policy.Approval{
		Required: true, AlwaysPrompt: true, DefaultScope: "once", Scopes: []string{"once"}, MaxTTL: time.Hour,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	h.rules = rules
	h.instance = h.another(t)
	h.approve(t, h.ask(t, `{"id":1}`).ID, approval.Answer{Scope: approval.Once})
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`)), ostiary.ReasonNone)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`)), ostiary.ReasonApprovalRequired)
}
