package guard_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
)

// heard is what an observer was told of decisions.
type heard struct {
	mu      sync.Mutex
	reasons []ostiary.Reason
	longest time.Duration
}

func (h *heard) Decided(_ *ostiary.Call, d ostiary.Decision, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reasons, h.longest = append(h.reasons, d.Reason), max(h.longest, took)
}

func (*heard) Ended(*ostiary.Call, audit.Status, time.Duration) {}

// listen tells what the guard's observer hears from here on.
func (h *house) listen() *heard {
	o := &heard{}
	h.guard.Observer = o
	return o
}

func (h *heard) want(t *testing.T, want ...ostiary.Reason) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.reasons, want) {
		t.Errorf("the observer heard %q; want %q", h.reasons, want)
	}
	if h.longest >= time.Minute {
		t.Errorf("a decision is said to have taken %s: people's time is not the guard's", h.longest)
	}
}

func TestTheObserverHearsWhatBecameOfHeldCalls(t *testing.T) {
	const required = ostiary.ReasonApprovalRequired
	for _, c := range []struct {
		name    string
		waiting int
		end     func(t *testing.T, h *house) error
		want    []ostiary.Reason
	}{
		{"released and superseded", 2, func(t *testing.T, h *house) error {
			h.approve(t, h.onlyRequest(t).ID, approval.Answer{Scope: approval.Once})
			return nil
		}, []ostiary.Reason{required, required, ostiary.ReasonNone, ostiary.ReasonSuperseded}},
		{"expired", 1, func(t *testing.T, h *house) error {
			h.clock.Move(15 * time.Minute)
			return h.approvals.Sweep(t.Context())
		}, []ostiary.Reason{required, ostiary.ReasonApprovalExpired}},
		{"denied", 1, func(t *testing.T, h *house) error {
			_, err := h.approvals.Decide(t.Context(), h.onlyRequest(t).ID, h.person("alice"), approval.Answer{Decision: approval.Deny}, tenMinutes)
			return err
		}, []ostiary.Reason{required, ostiary.ReasonApprovalDenied}},
	} {
		t.Run(c.name, func(t *testing.T) {
			watched(t, func(t *testing.T, h *house) {
				o := h.listen()
				for range c.waiting {
					h.wait(t.Context(), `{}`)
				}
				if err := c.end(t, h); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				slices.Sort(o.reasons[c.waiting:])
				o.want(t, c.want...)
			})
		})
	}
}

func TestACallWhoseClientLeftIsHeardOfOnce(t *testing.T) {
	watched(t, func(t *testing.T, h *house) {
		o := h.listen()
		gone, leave := context.WithCancel(t.Context())
		done := h.wait(gone, `{}`)
		leave()
		<-done
		o.want(t, ostiary.ReasonApprovalRequired)
	})
}

// TestWhoGivesUpIsNoFaultOfOurs: an operator who is told when calls can't be
// recorded is not woken by clients that hang up while theirs is decided.
func TestWhoGivesUpIsNoFaultOfOurs(t *testing.T) {
	h := newHouse(t)
	o := h.listen()
	r := h.call(remove, `{"id":1}`)
	given, up := context.WithCancel(t.Context())
	up()
	identify := r.Identify
	r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return identify(ctx)
	}
	if a := h.guard.Admit(given, r); a.Pass != nil || a.Decision.Reason != ostiary.ReasonUnavailable {
		t.Errorf("got %+v for who gave up; want a refusal", a.Decision)
	}
	o.want(t)
	r.Identify = func(context.Context) (*ostiary.Principal, error) { return nil, errors.New("storage is away") }
	h.guard.Admit(t.Context(), r)
	o.want(t, ostiary.ReasonUnavailable)
}
