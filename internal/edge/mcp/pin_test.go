package mcp_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/wire"
)

// asked wants that an answer asks for one thing, and returns its key, its
// params and the state to come back with.
func asked(t testing.TB, body string) (key, params, state string) {
	t.Helper()
	requests, _ := wire.Lookup([]byte(body), "result", "inputRequests")
	names := wire.Names(requests)
	if len(names) != 1 {
		t.Fatalf("got %s; want one thing asked for", body)
	}
	raw, _ := wire.Lookup(requests, names[0], "params")
	return names[0], string(raw), stateIn(t, body)
}

func TestAnOlderUpstreamWaitsWhileItsStatelessClientIsAway(t *testing.T) {
	e := &elder{t: t, call: func(c *elderCall) {
		first := <-c.asks(`"q"`, "elicitation/create", form)
		second := <-c.asks(`9007199254740993`, "elicitation/create", `{"mode":"url","message":"Go","url":"https://crm.example","elicitationId":"e1","_meta":{"a":1},"task":{},"x-new":[1.0]}`)
		c.answer(first + second)
	}}
	l := newLane(t, e, everything)
	w := l.send(t, ably("alice", "crm__get_contact", `{"id":"1"}`, ""))
	key, _, state := asked(t, w.Body.String())
	if want := `{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"elicitation-1":{"method":"elicitation/create","params":` + form + `}},"requestState":"` + state + `","resultType":"input_required"}}`; w.Body.String() != want {
		t.Errorf("got %s; want %s", w.Body, want)
	}
	brought := `{"action":"accept","content":{"n":9007199254740993}, "x":1.0}`
	w = l.send(t, ably("alice", "crm__get_contact", `{"id":"1"}`, back(state, `{"`+key+`":`+brought+`}`)))
	key, params, state := asked(t, w.Body.String())
	if want := `{"mode":"url","message":"Go","url":"https://crm.example","x-new":[1.0]}`; params != want || key != "elicitation-2" {
		t.Errorf("got %s %s; want elicitation-2 %s", key, params, want)
	}
	w = l.send(t, ably("alice", "crm__get_contact", `{"id":"1"}`, back(state, `{"`+key+`":{"action":"decline"}}`)))
	want := `{"jsonrpc":"2.0","id":"q","result":` + brought + `}` + `{"jsonrpc":"2.0","id":9007199254740993,"result":{"action":"decline"}}`
	if got := read(t, w.Body); got.Result.ResultType != "complete" || got.Result.Content[0].Text != want {
		t.Errorf("got %+v; want the upstream to get %s", got.Result, want)
	}
	if calls := e.got(); len(calls) != 1 {
		t.Errorf("got %d calls; want the one", len(calls))
	}
	l.book.wantOneCall(t, "", "2", "3")
	eventually(t, "every round has its outcome", func() bool { return len(l.book.outcomes()) == 3 })
	for _, got := range l.book.outcomes() {
		if got != audit.StatusOK {
			t.Errorf("got outcomes %v; want ok", l.book.outcomes())
		}
	}
}

func TestAnOlderUpstreamIsToldThatStatelessClientsOnlyElicit(t *testing.T) {
	for _, method := range []string{"roots/list", "sampling/createMessage"} {
		e := &elder{t: t, call: echo(method, `{}`)}
		l := newLane(t, e, everything)
		got := read(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body)
		if text := got.Result.Content[0].Text; !strings.Contains(text, `"code":-32601`) {
			t.Errorf("%s: got %s; want it refused", method, text)
		}
		if last := e.begun[len(e.begun)-1]; last != `{"elicitation":{"form":{},"url":{}}}` {
			t.Errorf("declared %s; want elicitation alone", last)
		}
	}
}

func TestWhatAClientDoesNotBringIsAskedAgain(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	for _, brought := range []string{`,"inputResponses":{"step":{"action":"accept"}}`, `,"inputResponses":{}`, ``} {
		key, params, next := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, `,"requestState":"`+state+`"`+brought)).Body.String())
		if key != "elicitation-1" || params != form || next == state {
			t.Errorf("got %s %s; want the same again, with another state", key, params)
		}
		state = next
	}
	w := l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"cancel"}}`)))
	if got := read(t, w.Body); !strings.Contains(got.Result.Content[0].Text, `"action":"cancel"`) || len(e.got()) != 1 {
		t.Errorf("got %+v, %d calls; want the answer of the one", got.Result, len(e.got()))
	}
}

func TestAPinnedCallGoesOnOnlyForWhomItWaits(t *testing.T) {
	brought := `{"elicitation-1":{"action":"accept","content":{"forged":true}}}`
	for name, attack := range map[string]func(state string) note{
		"another person":  func(s string) note { return ably("bob", "crm__get_contact", `{}`, back(s, brought)) },
		"another agent":   func(s string) note { return ably("alice2", "crm__get_contact", `{}`, back(s, brought)) },
		"other arguments": func(s string) note { return ably("alice", "crm__get_contact", `{"id":"2"}`, back(s, brought)) },
		"another tool":    func(s string) note { return ably("alice", "crm__move_contact", `{}`, back(s, brought)) },
		"a changed state": func(s string) note {
			return ably("alice", "crm__get_contact", `{}`, back(s[:len(s)-8]+"AAAAAAAA", brought))
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elder{t: t, call: echo("elicitation/create", form)}
			l := newLane(t, e, everything)
			_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
			if w := l.send(t, attack(state)); w.Code != http.StatusBadRequest || code(read(t, w.Body)) != -32602 {
				t.Errorf("got %d; want an error about the state", w.Code)
			}
			w := l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"decline"}}`)))
			if got := read(t, w.Body); !strings.Contains(got.Result.Content[0].Text, `decline`) || len(e.got()) != 1 {
				t.Errorf("got %+v, %d calls; want the genuine answer to arrive", got.Result, len(e.got()))
			}
		})
	}
}

func TestOfManyWhoComeBackForAPinnedCallOneGoesOn(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	n := ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`))
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			code := l.send(t, n).Code
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	all.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if codes[http.StatusOK] != 1 || codes[http.StatusBadRequest] != 7 || len(e.called) != 1 || len(e.strays) != 0 {
		t.Errorf("got answers %v, %d calls, strays %v; want one to go on", codes, len(e.called), e.strays)
	}
}

func TestAPinnedCallThatIsNotHereIsNotMadeAgain(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	elsewhere := l.another(t, allows(t, "crm", everything))
	w := elsewhere.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	if got := read(t, w.Body); !got.Result.IsError || !strings.Contains(got.Result.Content[0].Text, "is not known") || len(e.got()) != 1 {
		t.Errorf("got %+v, %d calls; want that nobody knows, and no second call", got.Result, len(e.got()))
	}
	// Nothing was sent, so that it may be tried where the call is.
	w = l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	if got := read(t, w.Body); got.Result.IsError || len(e.got()) != 1 {
		t.Errorf("got %+v; want the call to go on", got.Result)
	}
}

func TestAPinnedCallEndsWithTheGateway(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	if got := l.book.outcomes(); len(got) != 0 {
		t.Errorf("got outcomes %v of a call under way", got)
	}
	l.handler.Close()
	if got := l.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
		t.Errorf("got outcomes %v; want unknown", got)
	}
	w := l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{}`)))
	if got := read(t, w.Body); !strings.Contains(got.Result.Content[0].Text, "is not known") || len(e.got()) != 1 {
		t.Errorf("got %+v; want that nobody knows", got.Result)
	}
}

func TestARevokedTokenAnswersNoPinnedCall(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	l.wallet.revoke("alice")
	w := l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.Code != http.StatusUnauthorized || len(e.waiting) != 1 {
		t.Errorf("got %d, %d waiting; want 401 and the upstream without an answer", w.Code, len(e.waiting))
	}
}

func TestAYesToOneCallServesAPinnedCall(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	l.send(t, call("alice", "crm__delete_contact", `{}`))
	l.decide(t, "approve")
	_, _, state := asked(t, l.send(t, ably("alice", "crm__delete_contact", `{}`, "")).Body.String())
	w := l.send(t, ably("alice", "crm__delete_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	if got := read(t, w.Body); got.Result.IsError || len(e.got()) != 1 {
		t.Errorf("got %+v; want the answer", got.Result)
	}
	l.book.wantGrants(t, 2)
}

func TestAQuestionThatIsTakenBackFromAClientWhoIsAway(t *testing.T) {
	answered := make(chan struct{})
	e := &elder{t: t, call: func(c *elderCall) {
		c.asks(`"q"`, "elicitation/create", form)
		<-answered
		c.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}`)
		c.answer("never mind")
	}}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	close(answered)
	eventually(t, "the call ends while its client is away", func() bool { return len(l.book.outcomes()) == 1 })
	w := l.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	if got := read(t, w.Body); got.Result.Content[0].Text != "never mind" || len(e.got()) != 1 {
		t.Errorf("got %+v; want the answer that came meanwhile", got.Result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.strays) != 0 {
		t.Errorf("the upstream got %v; want nothing after it took its question back", e.strays)
	}
}

func TestAStatelessClientThatHangsUpEndsAPinnedCall(t *testing.T) {
	came := make(chan struct{}, 1)
	e := &elder{t: t, call: func(c *elderCall) {
		<-c.asks(`"q"`, "elicitation/create", form)
		came <- struct{}{}
		<-c.ctx.Done()
	}}
	l := newLane(t, e, everything)
	_, _, state := asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	gone, hangUp := context.WithCancel(t.Context())
	go func() { <-came; hangUp() }()
	w := l.sendIn(gone, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	if got := l.book.outcomes(); w.Body.Len() != 0 || len(got) != 2 || got[0] != audit.StatusUnknown || got[1] != audit.StatusUnknown {
		t.Errorf("got %s, outcomes %v; want unknown, and nothing said", w.Body, got)
	}
	eventually(t, "the upstream hears of it", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.quit) == 1
	})
}

func TestAStatelessClientThatHangsUpBeforeItIsAskedEndsItsCall(t *testing.T) {
	arrived := make(chan struct{}, 1)
	e := &elder{t: t, call: func(c *elderCall) {
		arrived <- struct{}{}
		<-c.ctx.Done()
	}}
	l := newLane(t, e, everything)
	gone, hangUp := context.WithCancel(t.Context())
	go func() { <-arrived; hangUp() }()
	l.sendIn(gone, ably("alice", "crm__get_contact", `{}`, ""))
	if got := l.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
		t.Errorf("got outcomes %v; want unknown", got)
	}
}

func TestOfOnePersonOnlySoManyCallsWaitForTheirClient(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	e.unique = true
	l := newLane(t, e, everything)
	for range 20 {
		asked(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	}
	if got := read(t, l.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body); !strings.Contains(got.Result.Content[0].Text, "can't be asked just now") {
		t.Errorf("got %+v; want the upstream to hear that the client can't be asked", got.Result)
	}
	_, _, state := asked(t, l.send(t, ably("bob", "crm__get_contact", `{}`, "")).Body.String())
	l.send(t, ably("bob", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
	asked(t, l.send(t, ably("bob", "crm__get_contact", `{}`, "")).Body.String())
}

func TestAClientThatNeverComesBackIsNotWaitedForWithoutEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house, _ note) {
		_, _, state := asked(t, h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
		time.Sleep(9*time.Minute + 59*time.Second)
		if got := h.book.outcomes(); len(got) != 0 {
			t.Errorf("got outcomes %v; want the call to wait still", got)
		}
		time.Sleep(2 * time.Second)
		if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
			t.Errorf("got outcomes %v; want unknown after ten minutes", got)
		}
		w := h.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"elicitation-1":{"action":"accept"}}`)))
		if got := read(t, w.Body); !strings.Contains(got.Result.Content[0].Text, "is not known") {
			t.Errorf("got %+v; want that nobody knows", got.Result)
		}
	})
}

func TestAnOlderOfficialServerAsksAStatelessOfficialClient(t *testing.T) {
	l := newLane(t, withSessions(askingServer(elicitName)), everything)
	if got, want := callContact(t, l.answeringClient(t, "2026-07-28")), "Alice, asked for a name"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
