package guard_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/policy"
)

// first is a call that was let through and whose upstream asked for something.
func (h *house) first(t *testing.T, tool *ostiary.Tool, args string) guard.Answer {
	t.Helper()
	a := h.guard.Admit(t.Context(), h.call(tool, args))
	wantReason(t, a, ostiary.ReasonNone)
	a.Pass.Done(t.Context(), audit.StatusOK, 0)
	return a
}

// goesOn is the next round of a call.
func (i *instance) goesOn(a guard.Answer, number int, args string) guard.Request {
	r := i.call(a.Call.Tool, args)
	r.Round = &guard.Round{Call: a.Call.ID, Number: number, Grant: a.Grant(), State: fmt.Sprint(a.Call.ID, "/", number), Ends: a.Call.Time.Add(tenMinutes)}
	return r
}

func TestAYesToOneCallIsGoodForAllItsRoundsAndNoMore(t *testing.T) {
	h := newHouse(t)
	r := h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	a := h.first(t, remove, `{}`)
	for number := range 3 {
		further := h.guard.Admit(t.Context(), h.goesOn(a, number+2, `{}`))
		wantReason(t, further, ostiary.ReasonNone)
		if further.Call.ID != a.Call.ID || further.Grant() != r.GrantID {
			t.Errorf("round %d: got call %s by %s; want %s by %s", number+2, further.Call.ID, further.Grant(), a.Call.ID, r.GrantID)
		}
		further.Pass.Done(t.Context(), audit.StatusOK, 0)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
	g, err := h.approvals.Grant(t.Context(), r.GrantID)
	if err != nil || g.Uses != 1 || g.State != approval.StateUsed {
		t.Errorf("got %d uses, %s, %v; want one", g.Uses, g.State, err)
	}
	intents, outcomes := 0, 0
	for _, e := range h.entries(t) {
		if e.CallID != a.Call.ID {
			continue
		}
		switch e.Kind {
		case audit.KindIntent:
			intents++
			if want := map[int]string{1: "", 2: "2", 3: "3", 4: "4"}[intents]; e.Detail["round"] != want || e.GrantID != r.GrantID {
				t.Errorf("intent %d: got round %q, grant %q; want %q", intents, e.Detail["round"], e.GrantID, want)
			}
		case audit.KindOutcome:
			outcomes++
		}
	}
	if intents != 4 || outcomes != 4 {
		t.Errorf("got %d intents, %d outcomes of the call; want four of each", intents, outcomes)
	}
}

func TestAStandingYesIsCountedOnceACall(t *testing.T) {
	h := newHouse(t)
	r := h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Session})
	a := h.first(t, remove, `{}`)
	wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonNone)
	if g, err := h.approvals.Grant(t.Context(), r.GrantID); err != nil || g.Uses != 1 {
		t.Errorf("got %d uses, %v; want one", g.Uses, err)
	}
}

func TestAFurtherRoundIsNotCounted(t *testing.T) {
	h := newHouse(t, policy.Entry{Match: "crm:get_*", Rate: &policy.Rate{Per: policy.PerSubject, Calls: 1, Window: time.Hour}})
	a := h.first(t, read, `{}`)
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonRateLimited)
	for number := range 3 {
		wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, number+2, `{}`)), ostiary.ReasonNone)
	}
}

func TestWhatAClientComesBackWithIsGoodOnceOverAllInstances(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.another(t)
	for _, tool := range []*ostiary.Tool{read, remove} {
		if tool == remove {
			h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
		}
		a := h.first(t, tool, `{}`)
		var passed, refused sync.Map
		var wg sync.WaitGroup
		for n := range 16 {
			at := []*instance{h.instance, elsewhere}[n%2]
			wg.Go(func() {
				further := at.guard.Admit(t.Context(), at.goesOn(a, 2, `{}`))
				if further.Pass != nil {
					passed.Store(n, true)
				} else if further.Decision.Reason == ostiary.ReasonSuperseded {
					refused.Store(n, true)
				}
			})
		}
		wg.Wait()
		if size(&passed) != 1 || size(&refused) != 15 {
			t.Errorf("%s: got %d through and %d refused; want one and all others", tool.ID, size(&passed), size(&refused))
		}
	}
}

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func TestAFurtherRoundIsDecidedWithTheRightsOfItsTime(t *testing.T) {
	none := func(*house, *guard.Request, approval.Request) error { return nil }
	for name, c := range map[string]struct {
		scope approval.Scope
		do    func(h *house, r *guard.Request, yes approval.Request) error
		want  ostiary.Reason
	}{
		"nothing happened":           {approval.Session, none, ostiary.ReasonNone},
		"nothing happened to a once": {approval.Once, none, ostiary.ReasonNone},
		"the yes was revoked": {approval.Session, func(h *house, _ *guard.Request, yes approval.Request) error {
			_, err := h.approvals.Revoke(context.Background(), yes.GrantID, approval.UserRevoker("alice", ""), "")
			return err
		}, ostiary.ReasonApprovalDenied},
		"the yes has run out": {approval.TimeLimited, func(h *house, _ *guard.Request, _ approval.Request) error {
			h.clock.Move(2 * time.Minute)
			return nil
		}, ostiary.ReasonApprovalDenied},
		"the tool was blocked": {approval.Once, func(h *house, _ *guard.Request, _ approval.Request) error {
			other := h.guard.Admit(context.Background(), h.call(remove, `{"id":"other"}`))
			_, err := h.approvals.Decide(context.Background(), other.Waiting.ID, h.person("alice"), approval.Answer{Decision: approval.Block}, tenMinutes)
			return err
		}, ostiary.ReasonApprovalDenied},
		"the definition changed": {approval.Session, func(_ *house, r *guard.Request, _ approval.Request) error {
			changed := *remove
			changed.Digest = ostiary.Digest{9}
			r.Tool = &changed
			return nil
		}, ostiary.ReasonApprovalDenied},
		"other arguments": {approval.Once, func(_ *house, r *guard.Request, _ approval.Request) error {
			r.Arguments.Raw = []byte(`{"id":"other"}`)
			return nil
		}, ostiary.ReasonApprovalDenied},
		"another session": {approval.Session, func(h *house, r *guard.Request, _ approval.Request) error {
			r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
				p, err := h.alice(ctx)
				p.Session = "ses_2"
				return p, err
			}
			return nil
		}, ostiary.ReasonApprovalDenied},
		"another call's yes": {approval.Once, func(_ *house, r *guard.Request, _ approval.Request) error {
			r.Round.Call = "cal_other"
			return nil
		}, ostiary.ReasonApprovalDenied},
		"a yes that never was": {approval.Once, func(_ *house, r *guard.Request, _ approval.Request) error {
			r.Round.Grant = "grt_none"
			return nil
		}, ostiary.ReasonApprovalDenied},
		"no yes at all": {approval.Once, func(_ *house, r *guard.Request, _ approval.Request) error {
			r.Round.Grant = ""
			return nil
		}, ostiary.ReasonApprovalRequired},
		"the token was revoked": {approval.Session, func(_ *house, r *guard.Request, _ approval.Request) error {
			r.Identify = func(context.Context) (*ostiary.Principal, error) { return nil, nil }
			return nil
		}, ostiary.ReasonUnauthenticated},
		"the app was closed": {approval.Session, func(h *house, r *guard.Request, _ approval.Request) error {
			r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
				p, err := h.alice(ctx)
				p.Apps = ostiary.Selection{}
				return p, err
			}
			return nil
		}, ostiary.ReasonAuthorizationRequired},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			yes := h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: c.scope, TTL: map[bool]time.Duration{true: time.Minute}[c.scope == approval.TimeLimited]})
			a := h.first(t, remove, `{}`)
			r := h.goesOn(a, 2, `{}`)
			if err := c.do(h, &r, yes); err != nil {
				t.Fatal(err)
			}
			wantReason(t, h.guard.Admit(t.Context(), r), c.want)
		})
	}
}

func TestARevocationBetweenDecisionAndCommitOfAFurtherRoundCounts(t *testing.T) {
	h := newHouse(t)
	yes := h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Session})
	a := h.first(t, remove, `{}`)
	r := h.goesOn(a, 2, `{}`)
	identify, once := r.Identify, sync.Once{}
	r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
		p, err := identify(ctx)
		once.Do(func() { // after the epochs were read
			if _, err := h.approvals.Revoke(ctx, yes.GrantID, approval.UserRevoker("alice", ""), ""); err != nil {
				t.Error(err)
			}
		})
		return p, err
	}
	wantReason(t, h.guard.Admit(t.Context(), r), ostiary.ReasonApprovalDenied)
}

func TestNothingLeftMeansAClientMayComeBackAgain(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	a := h.first(t, remove, `{}`)
	further := h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`))
	wantReason(t, further, ostiary.ReasonNone)
	further.Pass.Done(t.Context(), audit.StatusNotSent, 0)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired) // the first round was sent
	further = h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`))
	wantReason(t, further, ostiary.ReasonNone)
	further.Pass.Done(t.Context(), audit.StatusUnknown, 0)
	wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonSuperseded)
}

func TestALostAnswerNeverLetsTwoComeBack(t *testing.T) {
	h := newHouse(t)
	a := h.first(t, read, `{}`)
	raw := &eager{Store: h.raw}
	unlucky := h.over(t, raw)
	faster := func() { wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonNone) }
	raw.before.Store(&faster)
	wantReason(t, unlucky.guard.Admit(t.Context(), unlucky.goesOn(a, 2, `{}`)), ostiary.ReasonUnavailable)
	wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonSuperseded)
}

func TestAFurtherRoundIsNeverRecordedLater(t *testing.T) {
	h := newHouse(t)
	h.guard.Durability = guard.Relaxed
	h.book.room = true
	watching, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { h.db.Watch(watching) })
	defer watch.Wait()
	defer stop()
	for !h.db.ConfirmedWithin(time.Second) {
		runtime.Gosched()
	}
	a := h.first(t, read, `{}`)
	if kinds := h.kinds(t); len(kinds) != 0 {
		t.Fatalf("got %v in storage; want the first round to follow in the background", kinds)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonNone)
	wantReason(t, h.guard.Admit(t.Context(), h.goesOn(a, 2, `{}`)), ostiary.ReasonSuperseded)
}
