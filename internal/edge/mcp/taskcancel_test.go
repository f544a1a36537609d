package mcp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
)

func TestATakenBackTaskRunsNotAndAsksNobody(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		other := h.another(t)
		other.follow(ctx)
		cancel := func(i *instance, id string) {
			t.Helper()
			w := i.send(t, aboutTask("alice", "tasks/cancel", id, ""))
			if got := w.Body.String(); got != `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}` {
				t.Errorf("got %s; want an empty acknowledgement", got)
			}
		}
		for _, i := range []*instance{h.instance, other} {
			id, twin := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`)), h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			r := h.pending(t)[0]
			cancel(i, twin)
			h.wantStatus(t, twin, "cancelled")
			if len(h.pending(t)) != 1 {
				t.Error("got the question taken back; want it to stay for the other task")
			}
			cancel(i, id)
			cancel(i, id)
			if got := h.wantStatus(t, id, "cancelled"); got.Result != nil || got.Error != nil || got.StatusMessage != "" {
				t.Errorf("got %+v; want nothing more", got)
			}
			if len(h.pending(t)) != 0 {
				t.Error("got the question still asked; want it withdrawn")
			}
			if _, err := h.approvals.Decide(t.Context(), r.ID, h.decider("alice"), yesOnce, time.Hour); !errors.Is(err, approval.ErrExpired) {
				t.Errorf("got %v; want a yes that comes too late", err)
			}
		}
		synctest.Wait()
		if n := len(h.upstreams.got()); n != 0 {
			t.Errorf("got %d calls; want none", n)
		}
		// The same call asks again and, after a yes, runs; then it is done.
		id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		h.wantStatus(t, id, "completed")
		cancel(h.instance, id)
		if got := h.wantStatus(t, id, "completed"); !strings.Contains(got.text(), "done") {
			t.Errorf("got %s; want what is done to stay", got.Result)
		}
	})
}

var yesOnce = approval.Answer{Decision: approval.Approve, Scope: approval.Once}

func TestATaskThatIsUnderWayIsCancelledAtItsApp(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		tasking(t, func(ctx context.Context, t *testing.T, h *house) {
			by := h.instance
			if elsewhere {
				by = h.another(t)
				by.follow(ctx)
			}
			h.upstreams.answers(func(ctx context.Context, _ sent, _ func([]byte)) (upstream.Reply, error) {
				<-ctx.Done()
				return upstream.Reply{}, ctx.Err()
			})
			id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			h.decide(t, "approve")
			h.wantStatus(t, id, "working")
			for range 2 {
				by.send(t, aboutTask("alice", "tasks/cancel", id, ""))
			}
			h.wantStatus(t, id, "cancelled")
			if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
				t.Errorf("got outcomes %v; want unknown", got)
			}
		})
	}
}
