package guard_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// rules are another edition of the configuration.
func (h *house) rulesOf(t *testing.T, entries ...policy.Entry) *policy.Rules {
	t.Helper()
	rules, err := policy.Compile(policy.Config{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// reload does what the gateway does: other gates first, then the epoch.
func (i *instance) reload(t *testing.T, edition uint64, rules *policy.Rules) {
	t.Helper()
	gates := gate.Order(gate.Config{Rules: rules, Approvals: i.approvals, Counters: i.db})
	i.guard.Replace(edition, gates, func(t *ostiary.Tool) ostiary.Category { return rules.Of(t).Category })
	var tx store.Tx
	i.epochs.BumpDeployment(&tx)
	if _, err := i.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

func TestATightenedRuleCountsForTheNextCallAndALoosenedOneToo(t *testing.T) {
	h := newHouse(t)
	free, asked := h.rulesOf(t), h.rulesOf(t, policy.Entry{Match: "*", Approval: &policy.Approval{Required: true, DefaultScope: "once", Scopes: []string{"once"}}})
	if a := h.guard.Admit(t.Context(), h.call(read, `{}`)); a.Pass == nil || a.Edition != 0 {
		t.Fatalf("got %+v, edition %d; want it to pass by edition 0", a.Decision, a.Edition)
	}
	h.reload(t, 1, asked)
	if a := h.guard.Admit(t.Context(), h.call(read, `{}`)); a.Pass != nil || a.Decision.Reason != ostiary.ReasonApprovalRequired {
		t.Errorf("got %+v; want the tightened rule to count", a.Decision)
	}
	h.reload(t, 2, free)
	if a := h.guard.Admit(t.Context(), h.call(read, `{}`)); a.Pass == nil || a.Edition != 2 {
		t.Errorf("got %+v, edition %d; want it to pass by edition 2", a.Decision, a.Edition)
	}
}

// A call that was decided by the old rules, and is not committed yet when they
// change, is decided again.
func TestACallBetweenDecisionAndCommitIsDecidedAgainByTheNewRules(t *testing.T) {
	h := newHouse(t)
	asked := h.rulesOf(t, policy.Entry{Match: "*", Approval: &policy.Approval{Required: true, DefaultScope: "once", Scopes: []string{"once"}}})
	var once sync.Once
	last := probe{func() { once.Do(func() { h.reload(t, 1, asked) }) }}
	h.guard.Replace(0, append(h.guard.Gates(), last), h.guard.Category)
	if a := h.guard.Admit(t.Context(), h.call(read, `{}`)); a.Pass != nil || a.Decision.Reason != ostiary.ReasonApprovalRequired {
		t.Errorf("got %+v; want it decided again", a.Decision)
	}
}

// Each edition alone refuses: the first asks for a role and lets everybody
// through who has it, the second asks everybody for an approval. Parts of both
// would let a call through that neither does.
func TestADecisionIsNeverMadeByPartsOfTwoEditions(t *testing.T) {
	h := newHouse(t)
	manager := h.rulesOf(t, policy.Entry{Match: "*", Roles: &policy.Roles{Names: []string{"manager"}}})
	asked := h.rulesOf(t, policy.Entry{Match: "*", Approval: &policy.Approval{Required: true, DefaultScope: "once", Scopes: []string{"once"}}})
	h.reload(t, 1, asked)
	stop := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for edition := uint64(2); ; edition++ {
			rules := []*policy.Rules{asked, manager}[edition%2]
			gates := gate.Order(gate.Config{Rules: rules, Approvals: h.approvals, Counters: h.db})
			h.guard.Replace(edition, gates, h.guard.Category)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 2000 {
		c := h.call(read, `{}`)
		if p, err := h.alice(t.Context()); err != nil {
			t.Fatal(err)
		} else if d, _ := h.guard.Explain(t.Context(), p, c.Tool, c.Arguments, c.Resource); d.Effect == ostiary.Pass {
			t.Fatal("a call passed that neither edition lets through")
		}
	}
	close(stop)
	changing.Wait()
}

// A probe is a gate that lets everything pass, and does something meanwhile.
type probe struct{ meanwhile func() }

func (probe) Name() string { return "probe" }

func (p probe) Check(context.Context, *ostiary.Call) (ostiary.Verdict, error) {
	p.meanwhile()
	return ostiary.Verdict{Effect: ostiary.Pass}, nil
}
