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

// TestAYesReachesNoFurtherThanTheOperatorLetsItNow: what was given under a
// wider rule is good as far as the rule of today goes.
func TestAYesReachesNoFurtherThanTheOperatorLetsItNow(t *testing.T) {
	wide := []string{"once", "session", "time_limited", "user"}
	for name, c := range map[string]struct {
		given  approval.Answer
		scopes []string
		max    time.Duration
		after  time.Duration
		want   ostiary.Reason
	}{
		"session as before":         {approval.Answer{Scope: approval.Session}, wide, time.Hour, 0, ostiary.ReasonNone},
		"session no longer":         {approval.Answer{Scope: approval.Session}, []string{"once"}, time.Hour, 0, ostiary.ReasonApprovalRequired},
		"for a time within":         {approval.Answer{Scope: approval.TimeLimited, TTL: time.Hour}, wide, 10 * time.Minute, 9 * time.Minute, ostiary.ReasonNone},
		"for a time over the limit": {approval.Answer{Scope: approval.TimeLimited, TTL: time.Hour}, wide, 10 * time.Minute, 11 * time.Minute, ostiary.ReasonApprovalRequired},
		"one call as asked":         {approval.Answer{Scope: approval.Once}, []string{"session"}, time.Hour, 0, ostiary.ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.approve(t, h.ask(t, `{"id":1}`).ID, c.given)
			rules, err := policy.Compile(policy.Config{Entries: []policy.Entry{{Match: "crm:delete_*", Approval: &policy.Approval{
				Required: true, DefaultScope: c.scopes[0], Scopes: c.scopes, MaxTTL: c.max,
			}}}})
			if err != nil {
				t.Fatal(err)
			}
			h.rules = rules
			h.instance = h.another(t)
			h.clock.Move(c.after)
			wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`)), c.want)
		})
	}
}
