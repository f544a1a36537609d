package guard_test

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// asksAfter is whether the caller of a call may be told how it goes.
func (i *instance) asksAfter(a guard.Answer, args string) guard.Request {
	r := i.call(a.Call.Tool, args)
	r.Round = &guard.Round{Call: a.Call.ID}
	return r
}

func TestWhoMayCallStillMayHearAndNothingIsSpentOrRecorded(t *testing.T) {
	h := newHouse(t, policy.Entry{Match: "crm:get_*", Rate: &policy.Rate{Per: policy.PerSubject, Calls: 1, Window: time.Hour}})
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	for _, tool := range []*ostiary.Tool{read, remove} {
		a := h.first(t, tool, `{}`)
		before := len(h.entries(t))
		for range 3 {
			if got, may := h.guard.Still(t.Context(), h.asksAfter(a, `{}`)); !may || got.Pass != nil || got.Call.ID != a.Call.ID {
				t.Errorf("%s: got %+v, %v; want yes", tool.ID, got.Decision, may)
			}
		}
		if after := len(h.entries(t)); after != before {
			t.Errorf("%s: got %d entries more; want none", tool.ID, after-before)
		}
	}
}

func TestWhoMayCallNoMoreHearsNothingOnAnyInstance(t *testing.T) {
	h := newHouse(t)
	other := h.another(t) // it hears of no changes
	a := h.first(t, read, `{}`)
	tier := ostiary.TierWrite
	r := other.asksAfter(a, `{}`)
	// A principal as identity builds them: remembered while no epoch moves.
	var last *ostiary.Principal
	r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
		p, err := other.alice(ctx)
		if err != nil || last != nil && last.Epochs == p.Epochs {
			return last, err
		}
		p.Tier = tier
		last = p
		return p, nil
	}
	if got, may := other.guard.Still(t.Context(), r); !may {
		t.Fatalf("got %+v before; want yes", got.Decision)
	}
	tier = ostiary.TierNone
	var tx store.Tx
	h.epochs.Bump(&tx, store.EpochIDs{Session: "ses_1"})
	if _, err := h.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if got, may := other.guard.Still(t.Context(), r); may || got.Decision.Reason != ostiary.ReasonInsufficientScope {
		t.Errorf("got %+v, %v; want what is told to a lowered tier", got.Decision, may)
	}
	r.Identify = func(context.Context) (*ostiary.Principal, error) { return nil, nil }
	if got, may := other.guard.Still(t.Context(), r); may || got.Decision.Reason != ostiary.ReasonUnauthenticated {
		t.Errorf("got %+v, %v of nobody", got.Decision, may)
	}
}

func TestANoIsHeardAlsoOfACallUnderWay(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	a := h.first(t, remove, `{}`)
	blocked := h.ask(t, `{"other":1}`)
	if _, err := h.approvals.Decide(t.Context(), blocked.ID, h.person("alice"), approval.Answer{Decision: approval.Block}, tenMinutes); err != nil {
		t.Fatal(err)
	}
	if got, may := h.guard.Still(t.Context(), h.asksAfter(a, `{}`)); may || got.Decision.Reason != ostiary.ReasonApprovalDenied {
		t.Errorf("got %+v, %v; want the no", got.Decision, may)
	}
}

func TestACallThatAnAppGoesOnWithHasItsEndTold(t *testing.T) {
	h := newHouse(t)
	a := h.guard.Admit(t.Context(), h.call(read, `{}`))
	a.Pass.Entrusted(t.Context(), "tsk_1", 7)
	a.Pass.Done(t.Context(), audit.StatusUnknown, 0) // says nothing any more
	var tx store.Tx
	h.guard.Ended(&tx, a.Call, "tsk_1", audit.StatusError, time.Second, 9)
	if _, err := h.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	all := h.entries(t)
	if len(all) != 3 {
		t.Fatalf("got %d entries; want intent, what it became, and its end", len(all))
	}
	for i, want := range []audit.Entry{{}, {Event: audit.EventEntrusted, Target: "tsk_1", Upstream: &audit.Upstream{Status: audit.StatusOK, Bytes: 7}}, {Target: "tsk_1", Upstream: &audit.Upstream{Status: audit.StatusError, DurationMs: 1000, Bytes: 9}}} {
		e := all[i]
		if e.CallID != a.Call.ID || e.Event != want.Event || e.Target != want.Target || want.Upstream != nil && *e.Upstream != *want.Upstream {
			t.Errorf("entry %d: got %+v; want %+v", i, e, want)
		}
	}
}
