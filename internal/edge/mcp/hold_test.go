package mcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
)

// held runs f in a bubble with a gateway that holds calls for 25 seconds. The
// house's clock stands still; timers run.
func held(t *testing.T, f func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(c *mcp.Config) { c.Hold = 25 * time.Second })
		ctx, stop := context.WithCancel(t.Context())
		go h.db.Watch(ctx)
		synctest.Wait()
		f(t, h)
		stop()
		synctest.Wait()
	})
}

// start sends a request and returns when nothing moves any more.
func (h *house) start(ctx context.Context, n note) <-chan *httptest.ResponseRecorder {
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() { done <- h.sendIn(ctx, n) }()
	synctest.Wait()
	return done
}

func TestAHeldCallGoesThroughAfterTheYes(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		if len(h.upstreams.got()) != 0 {
			t.Fatal("got a call before the yes")
		}
		time.Sleep(20 * time.Second)
		h.decide(t, "approve")
		if got := read(t, (<-done).Body); got.Result.IsError || len(h.upstreams.got()) != 1 {
			t.Errorf("got %+v; want the call to go through", got)
		}
	})
}

func TestAHeldCallEndsInWordsWhenNobodyAnswersAndTheRetryAttaches(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		began := time.Now()
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		got := read(t, (<-done).Body)
		if waited := time.Since(began); got.reason() != "approval_required" || waited != 25*time.Second {
			t.Errorf("got %q after %v; want approval_required after 25s", got.reason(), waited)
		}
		id := h.pending(t)[0].ID
		done = h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		if all := h.pending(t); len(all) != 1 || all[0].ID != id {
			t.Errorf("got requests %v; want the retry to attach to %s", all, id)
		}
		h.decide(t, "approve")
		if got := read(t, (<-done).Body); got.Result.IsError || len(h.upstreams.got()) != 1 {
			t.Errorf("got %+v; want the retry to go through", got)
		}
	})
}

func TestAHeldCallIsTurnedAwayByANo(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		h.decide(t, "deny")
		got := read(t, (<-done).Body)
		if got.reason() != "approval_denied" || got.Result.Meta["state"] != "denied" || got.Result.Meta["approval_id"] == nil {
			t.Errorf("got %+v; want approval_denied with its request", got.Result)
		}
	})
}

func TestEqualCallsThatWaitAreOneExecution(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		first := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		second := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		h.decide(t, "approve")
		if got := read(t, (<-first).Body); got.reason() != "superseded" {
			t.Errorf("got %q of the first; want superseded", got.reason())
		}
		if got := read(t, (<-second).Body); got.Result.IsError || len(h.upstreams.got()) != 1 {
			t.Errorf("got %+v, %d calls; want the newest to go through alone", got, len(h.upstreams.got()))
		}
	})
}

func TestAClientThatHangsUpWaitsNoLonger(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		gone, hangUp := context.WithCancel(t.Context())
		first := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		newest := h.start(gone, call("alice", "crm__delete_contact", `{}`))
		hangUp()
		if w := <-newest; w.Body.Len() != 0 {
			t.Errorf("got %s; want nothing said to who is gone", w.Body)
		}
		h.decide(t, "approve")
		if got := read(t, (<-first).Body); got.Result.IsError || len(h.upstreams.got()) != 1 {
			t.Errorf("got %+v; want the one that stayed to go through", got)
		}
	})
}

func TestATokenRevokedMeanwhileEndsAHeldCall(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		h.wallet.revoke("alice")
		h.decide(t, "approve")
		w := <-done
		if w.Code != http.StatusUnauthorized || len(h.upstreams.got()) != 0 {
			t.Errorf("got %d %s; want 401 and no call", w.Code, w.Body)
		}
	})
}

func TestAClientWithAProgressTokenHearsThatItsCallIsHeld(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		n := call("alice", "crm__delete_contact", `{}`)
		n = n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"progressToken":"p 1",`, 1))
		done := h.start(t.Context(), n)
		time.Sleep(12 * time.Second)
		id := h.pending(t)[0].ID
		h.decide(t, "approve")
		w := <-done
		if got := w.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("got %s; want an event stream", got)
		}
		events := strings.Split(strings.TrimSpace(w.Body.String()), "\n\n")
		if len(events) != 4 {
			t.Fatalf("got %d events %q; want one at once, two more after 5 s each, and the answer", len(events), events)
		}
		want := `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p 1","progress":0.000002,"message":"Waiting for an approval: https://gate.example/approvals/` + id + `"}}`
		if events[1] != want {
			t.Errorf("got %s; want %s", events[1], want)
		}
		if !strings.Contains(events[3], `"result":{"content"`) {
			t.Errorf("got %s; want the answer last", events[3])
		}
	})
}

func TestTheRetryOfAClientThatShowsLinksIsHeld(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		began := time.Now()
		state := h.asked(t, "alice", `{}`)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("got the link after %v; want it at once", waited)
		}
		done := h.start(t.Context(), again("alice", "crm__delete_contact", `{}`, state))
		if got := read(t, (<-done).Body); got.Result.ResultType != "input_required" || time.Since(began) != 25*time.Second {
			t.Errorf("got %+v after %v; want to be asked again after 25s", got.Result, time.Since(began))
		}
		done = h.start(t.Context(), again("alice", "crm__delete_contact", `{}`, state))
		h.decide(t, "approve")
		if got := read(t, (<-done).Body); got.Result.ResultType != "complete" || len(h.upstreams.got()) != 1 {
			t.Errorf("got %+v; want the call to go through", got)
		}
	})
}

func TestAYesToAnotherDefinitionReleasesNoHeldCall(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		h.upstreams.mu.Lock()
		h.upstreams.lists["crm"] = upstream.Lists{Tools: items(`{"name":"delete_contact","description":"and everything else","inputSchema":{"type":"object"}}`)}
		h.upstreams.mu.Unlock()
		if err := h.catalogue.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.decide(t, "approve")
		if got := read(t, (<-done).Body); got.reason() != "approval_expired" || len(h.upstreams.got()) != 0 {
			t.Errorf("got %+v, %d calls; want none for what nobody agreed to", got.Result, len(h.upstreams.got()))
		}
	})
}

func TestWhoDeclinedTheLinkIsNotHeld(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		state := h.asked(t, "alice", `{}`)
		began := time.Now()
		n := callWithURLs("alice", "crm__delete_contact", `{}`, `,"requestState":"`+state+`","inputResponses":{"step":{"action":"cancel"}}`)
		got := read(t, (<-h.start(t.Context(), n)).Body)
		if got.Result.ResultType != "complete" || got.reason() != "approval_required" || time.Since(began) != 0 {
			t.Errorf("got %+v after %v; want the text at once", got.Result, time.Since(began))
		}
	})
}

func TestARequestThatExpiresEndsAHeldCall(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		done := h.start(t.Context(), call("alice", "crm__delete_contact", `{}`))
		h.clock.move(15 * time.Minute)
		if err := h.approvals.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := read(t, (<-done).Body)
		if got.reason() != "approval_expired" || got.Result.Meta["state"] != "expired" {
			t.Errorf("got %+v; want approval_expired", got.Result)
		}
	})
}
