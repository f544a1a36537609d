package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/guard"
)

// watched runs f in a bubble with a house whose instance follows the feed of
// changes. The house's clock stands still; the bubble's timers run.
func watched(t *testing.T, f func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx, stop := context.WithCancel(t.Context())
		go h.db.Watch(ctx)
		synctest.Wait()
		f(t, h)
		stop()
		synctest.Wait()
	})
}

// wait makes a call and lets it wait; what becomes of it comes on the channel.
func (h *house) wait(ctx context.Context, args string) <-chan guard.Answer {
	done := make(chan guard.Answer, 1)
	r := h.call(remove, args)
	go func() { done <- h.guard.Await(ctx, r, h.guard.Admit(ctx, r)) }()
	synctest.Wait()
	return done
}

func (h *house) onlyRequest(t *testing.T) approval.Request {
	t.Helper()
	all, _, err := h.approvals.Requests(t.Context(), h.person("alice"), approval.Pending, 10, "")
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d pending requests, %v; want one", len(all), err)
	}
	return all[0]
}

func TestAWaitingCallGoesThroughAfterTheYes(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		done := h.wait(t.Context(), `{}`)
		h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: approval.Once})
		wantReason(t, <-done, ostiary.ReasonNone)
		wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
	})
}

func TestOfEqualWaitingCallsTheNewestGoesThroughWhateverTheYesReaches(t *testing.T) {
	for _, scope := range []approval.Scope{approval.Once, approval.Session} {
		watched(t, func(t *testing.T, h *house) {
			first, second, newest := h.wait(t.Context(), `{}`), h.wait(t.Context(), `{}`), h.wait(t.Context(), `{}`)
			h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: scope})
			wantReason(t, <-first, ostiary.ReasonSuperseded)
			wantReason(t, <-second, ostiary.ReasonSuperseded)
			wantReason(t, <-newest, ostiary.ReasonNone)
		})
	}
}

func TestTheNewestWithALiveClientIsReleased(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		gone, leave := context.WithCancel(t.Context())
		first := h.wait(t.Context(), `{}`)
		newest := h.wait(gone, `{}`)
		leave()
		wantReason(t, <-newest, ostiary.ReasonApprovalRequired)
		h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: approval.Once})
		wantReason(t, <-first, ostiary.ReasonNone)
	})
}

func TestWithNoneAliveTheYesWaitsForTheRetry(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		gone, leave := context.WithCancel(t.Context())
		done := h.wait(gone, `{}`)
		leave()
		<-done
		h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: approval.Once})
		wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonNone)
	})
}

func TestTwoInstancesReleaseOneOfTheEqualCallsBetweenThem(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		elsewhere := h.another(t)
		ctx, stop := context.WithCancel(t.Context())
		go elsewhere.db.Watch(ctx)
		synctest.Wait()
		here := h.wait(t.Context(), `{}`)
		there := make(chan guard.Answer, 1)
		r := elsewhere.call(remove, `{}`)
		go func() { there <- elsewhere.guard.Await(ctx, r, elsewhere.guard.Admit(ctx, r)) }()
		synctest.Wait()

		h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: approval.Session})
		a, b := <-here, <-there
		if (a.Pass != nil) == (b.Pass != nil) {
			t.Fatalf("got %q and %q; want one of them through", a.Decision.Reason, b.Decision.Reason)
		}
		lost := a
		if a.Pass != nil {
			lost = b
		}
		wantReason(t, lost, ostiary.ReasonSuperseded)
		stop()
		synctest.Wait()
	})
}

func TestADeniedWaitingCallIsToldAtOnce(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		done := h.wait(t.Context(), `{}`)
		_, err := h.approvals.Decide(t.Context(), h.onlyRequest(t).ID, h.person("alice"), approval.Answer{Decision: approval.Deny}, tenMinutes)
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, <-done, ostiary.ReasonApprovalDenied)
	})
}

func TestAWaitingCallEndsWithItsRequest(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		done := h.wait(t.Context(), `{}`)
		h.clock.Move(15 * time.Minute)
		if err := h.approvals.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantReason(t, <-done, ostiary.ReasonApprovalExpired)
		wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
	})
}

func TestEqualWaitingCallsAreAllToldANoAndAnEnd(t *testing.T) {
	for want, end := range map[ostiary.Reason]func(*house, approval.Request) error{
		ostiary.ReasonApprovalDenied: func(h *house, r approval.Request) error {
			_, err := h.approvals.Decide(t.Context(), r.ID, h.person("alice"), approval.Answer{Decision: approval.Deny}, tenMinutes)
			return err
		},
		ostiary.ReasonApprovalExpired: func(h *house, r approval.Request) error {
			h.clock.Move(15 * time.Minute)
			return h.approvals.Sweep(t.Context())
		},
	} {
		watched(t, func(t *testing.T, h *house) {
			first, newest := h.wait(t.Context(), `{}`), h.wait(t.Context(), `{}`)
			if err := end(h, h.onlyRequest(t)); err != nil {
				t.Fatal(err)
			}
			wantReason(t, <-first, want)
			wantReason(t, <-newest, want)
		})
	}
}
