package mcp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// able are the capabilities of a client of 2026-07-28 that can be asked
// everything.
const able = `{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}`

// wish is what an upstream asks for, with much that must stay as it is.
const wish = `{ "inputRequests" : {"step":{"method":"elicitation/create","params":` + form + `,"x-new":1.0}, "b":{"method":"roots/list"} },` +
	`"requestState":"r\u00e9<1>","resultType":"input_required","content":null,"n":9007199254740993,"_meta":{"k":[18446744073709551615]}}`

// newAsked is a house whose upstream may ask everything.
func newAsked(t testing.TB, asks upstream.Asks) *house {
	t.Helper()
	return newHouse(t, allows(t, "crm", asks))
}

// says has the upstream answer its calls with these results, one after the
// other.
func (h *house) says(results ...string) {
	var mu sync.Mutex
	n := 0
	h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		mu.Lock()
		defer mu.Unlock()
		result := results[min(n, len(results)-1)]
		n++
		return upstream.Reply{Result: []byte(result), Era: wire.Version20260728}, nil
	})
}

// ably is a stateless tools/call by a client that can be asked everything.
func ably(token, name, arguments, more string) note {
	return declaring(able, token, "tools/call", name, `"name":"`+name+`","arguments":`+arguments+more)
}

// stateIn is the state that an answer gives to come back with.
func stateIn(t testing.TB, body string) string {
	t.Helper()
	state, ok := wire.LookupText([]byte(body), "result", "requestState")
	if !ok {
		t.Fatalf("got %s; want a state", body)
	}
	return state
}

func back(state, responses string) string {
	return `,"requestState":"` + state + `","inputResponses":` + responses
}

const done = `{"content":[{"type":"text","text":"done"}],"resultType":"complete"}`

func TestWhatAStatelessUpstreamAsksForIsPassedAndTheCallGoesOn(t *testing.T) {
	responses := `{ "step":{"action":"accept","content":{"n":9007199254740993}}, "extra":[1.0] }`
	for name, c := range map[string]struct{ method, subject, params, upstreams string }{
		"a tool":     {"tools/call", "crm__get_contact", `"name":"crm__get_contact","arguments":{"id":9007199254740993}`, `"name":"get_contact","arguments":{"id":9007199254740993}`},
		"a prompt":   {"prompts/get", "crm__greet", `"name":"crm__greet","arguments":{"who":"x"}`, `"name":"greet","arguments":{"who":"x"}`},
		"a resource": {"resources/read", "crm://contacts", `"uri":"crm://contacts"`, `"uri":"crm://contacts"`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAsked(t, everything)
			h.says(wish, done)
			w := h.send(t, declaring(able, "alice", c.method, c.subject, c.params))
			state := stateIn(t, w.Body.String())
			if got, want := strings.Replace(w.Body.String(), state, `r\u00e9<1>`, 1), `{"jsonrpc":"2.0","id":1,"result":`+wish+`}`; got != want {
				t.Errorf("got %s; want %s", got, want)
			}
			w = h.send(t, declaring(able, "alice", c.method, c.subject, c.params+back(state, responses)))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"done"`) {
				t.Errorf("got %d %s; want the answer", w.Code, w.Body)
			}
			calls := h.upstreams.got()
			if want := `{` + c.upstreams + `,"requestState":"r\u00e9<1>","inputResponses":` + responses + `,"_meta"`; len(calls) != 2 || !strings.HasPrefix(calls[1].Params, want) {
				t.Errorf("got %v; want two, the second with %s", calls, want)
			}
			if want := `{` + c.upstreams + `,"_meta"`; !strings.HasPrefix(calls[0].Params, want) {
				t.Errorf("got %s; want %s", calls[0].Params, want)
			}
			if got := h.book.outcomes(); len(got) != 2 || got[0] != audit.StatusOK || got[1] != audit.StatusOK {
				t.Errorf("got outcomes %v; want ok for each round", got)
			}
			h.book.wantOneCall(t, "", "2")
		})
	}
}

// wantOneCall wants that all entries tell of one call, and its intents of
// these rounds.
func (b *book) wantOneCall(t *testing.T, rounds ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var got []string
	for _, e := range b.entries {
		if e.CallID != "" && e.CallID != b.entries[len(b.entries)-1].CallID {
			t.Errorf("got an entry of call %s beside %s", e.CallID, b.entries[len(b.entries)-1].CallID)
		}
		if e.Kind == audit.KindIntent {
			got = append(got, e.Detail["round"])
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(rounds) {
		t.Errorf("got intents of rounds %q; want %q", got, rounds)
	}
}

func TestAStateOfOursIsThereWhateverTheUpstreamGave(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"none":          {`{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}`, `"arguments":{},"inputResponses":{"a":{}},`},
		"an empty one":  {`{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}},"requestState":""}`, `"requestState":""`},
		"nothing else":  {`{"resultType":"input_required","requestState":"later"}`, `"requestState":"later"`},
		"half a letter": {`{"resultType":"input_required","requestState":"\u00e9\n\"","inputRequests":{}}`, `"requestState":"\u00e9\n\""`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAsked(t, everything)
			h.says(c.says, done)
			state := stateIn(t, h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
			h.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{"a":{}}`)))
			if calls := h.upstreams.got(); len(calls) != 2 || !strings.Contains(calls[1].Params, c.want) || strings.Contains(calls[1].Params, state) {
				t.Errorf("got %v; want %s", calls, c.want)
			}
		})
	}
}

func TestAStateOfARoundIsGoodForThatCallOfThatCallerOnce(t *testing.T) {
	for name, attack := range map[string]func(h *house, state string) note{
		"another person":  func(_ *house, s string) note { return ably("bob", "crm__get_contact", `{"id":"1"}`, back(s, `{}`)) },
		"another agent":   func(_ *house, s string) note { return ably("alice2", "crm__get_contact", `{"id":"1"}`, back(s, `{}`)) },
		"other arguments": func(_ *house, s string) note { return ably("alice", "crm__get_contact", `{"id":"2"}`, back(s, `{}`)) },
		"another tool":    func(_ *house, s string) note { return ably("alice", "crm__move_contact", `{"id":"1"}`, back(s, `{}`)) },
		"a prompt": func(_ *house, s string) note {
			return declaring(able, "alice", "prompts/get", "crm__greet", `"name":"crm__greet","arguments":{"id":"1"}`+back(s, `{}`))
		},
		"a changed state": func(_ *house, s string) note {
			return ably("alice", "crm__get_contact", `{"id":"1"}`, back(s+"A", `{}`))
		},
		"the upstream's own": func(_ *house, _ string) note {
			return ably("alice", "crm__get_contact", `{"id":"1"}`, back("theirs", `{}`))
		},
		"a session's id": func(h *house, _ string) note {
			return ably("alice", "crm__get_contact", `{"id":"1"}`, back(h.begin(h.book.t, "alice", "2025-11-25", `{}`).header["Mcp-Session-Id"], `{}`))
		},
		"too late": func(h *house, s string) note {
			h.clock.move(10 * time.Minute)
			return ably("alice", "crm__get_contact", `{"id":"1"}`, back(s, `{}`))
		},
		"a second time": func(h *house, s string) note {
			n := ably("alice", "crm__get_contact", `{"id":"1"}`, back(s, `{}`))
			h.sendIn(h.book.t.Context(), n)
			return n
		},
		"a changed definition": func(h *house, s string) note {
			h.upstreams.mu.Lock()
			h.upstreams.lists["crm"] = upstream.Lists{Tools: items(`{"name":"get_contact","description":"other","inputSchema":{"type":"object"}}`)}
			h.upstreams.mu.Unlock()
			if err := h.catalogue.Refresh(h.book.t.Context()); err != nil {
				h.book.t.Error(err)
			}
			return ably("alice", "crm__get_contact", `{"id":"1"}`, back(s, `{}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAsked(t, everything)
			h.book.t = t
			h.says(`{"resultType":"input_required","requestState":"theirs"}`, done)
			state := stateIn(t, h.send(t, ably("alice", "crm__get_contact", `{"id":"1"}`, "")).Body.String())
			n := attack(h, state)
			before := len(h.upstreams.got())
			w := h.send(t, n)
			got := read(t, w.Body)
			if w.Code != http.StatusBadRequest || code(got) != -32602 || !strings.HasPrefix(got.Error.Message, "requestState: ") {
				t.Errorf("got %d %s; want a clear error", w.Code, w.Body)
			}
			if after := len(h.upstreams.got()); after != before {
				t.Errorf("got %d more calls; want none", after-before)
			}
		})
	}
}

func TestOfTwoWhoComeBackAtOnceOnTwoInstancesOneGoesOn(t *testing.T) {
	h := newAsked(t, everything)
	elsewhere := h.another(t, allows(t, "crm", everything))
	for range 10 {
		h.says(`{"resultType":"input_required","requestState":"theirs"}`, done)
		before := len(h.upstreams.got())
		n := ably("alice", "crm__get_contact", `{}`, back(stateIn(t, h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String()), `{}`))
		codes := make(chan int, 8)
		var all sync.WaitGroup
		for i := range 8 {
			at := []*instance{h.instance, elsewhere}[i%2]
			all.Go(func() { codes <- at.send(t, n).Code })
		}
		all.Wait()
		close(codes)
		good := 0
		for code := range codes {
			if code == http.StatusOK {
				good++
			}
		}
		if calls := len(h.upstreams.got()) - before; good != 1 || calls != 2 {
			t.Fatalf("got %d answers and %d upstream requests; want one, and two in all", good, calls)
		}
	}
}

func TestAStateStandsForOneThing(t *testing.T) {
	h := newAsked(t, everything)
	step := h.asked(t, "alice", `{"id":"1"}`)
	// With the state of a step nothing goes on that somebody has to approve.
	h.send(t, declaring(able, "alice", "tools/call", "crm__delete_contact", `"name":"crm__delete_contact","arguments":{"id":"1"}`+back(step, `{"step":{"action":"accept"}}`)))
	if calls := h.upstreams.got(); len(calls) != 0 {
		t.Fatalf("got %v; want no call", calls)
	}
	h.decide(t, "approve")
	h.says(`{"resultType":"input_required","inputRequests":{"step":{"method":"elicitation/create","params":{"mode":"form"}}}}`, done)
	w := h.send(t, ably("alice", "crm__delete_contact", `{"id":"1"}`, back(step, `{"step":{"action":"accept","content":{"forged":1}}}`)))
	if calls := h.upstreams.got(); len(calls) != 1 || strings.Contains(calls[0].Params, "forged") {
		t.Errorf("got %v; want nothing of what came with the step's state", calls)
	}
	// The upstream's own input may be named as ours; a no to it is its affair.
	h.send(t, ably("alice", "crm__delete_contact", `{"id":"1"}`, back(stateIn(t, w.Body.String()), `{"step":{"action":"decline"}}`)))
	if calls := h.upstreams.got(); len(calls) != 2 || !strings.Contains(calls[1].Params, `"inputResponses":{"step":{"action":"decline"}}`) {
		t.Errorf("got %v; want the call to go on with the no", calls)
	}
}

// wantGrants wants n intents of one call, by one grant.
func (b *book) wantGrants(t *testing.T, n int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	by := map[string]int{}
	for _, e := range b.entries {
		if e.Kind == audit.KindIntent {
			by[e.GrantID+" "+string(e.CallID)]++
		}
	}
	for what, got := range by {
		if len(by) != 1 || got != n || strings.HasPrefix(what, " ") {
			t.Errorf("got intents by %v; want %d of one call, by one grant", by, n)
		}
	}
}

func TestAYesToOneCallServesItsThreeRounds(t *testing.T) {
	h := newAsked(t, everything)
	state := h.asked(t, "alice", `{"id":"1"}`)
	h.decide(t, "approve")
	h.says(`{"resultType":"input_required","requestState":"1"}`, `{"resultType":"input_required","requestState":"2"}`, done)
	for range 3 {
		w := h.send(t, ably("alice", "crm__delete_contact", `{"id":"1"}`, back(state, `{}`)))
		if strings.Contains(w.Body.String(), `"done"`) {
			break
		}
		state = stateIn(t, w.Body.String())
	}
	if calls := h.upstreams.got(); len(calls) != 3 || !strings.Contains(calls[2].Params, `"requestState":"2"`) {
		t.Fatalf("got %v; want three rounds", calls)
	}
	h.book.wantGrants(t, 3)
	if got := read(t, h.send(t, ably("alice", "crm__delete_contact", `{"id":"1"}`, "")).Body); got.reason() != "approval_required" || len(h.upstreams.got()) != 3 {
		t.Errorf("got %+v; want another yes to be needed", got)
	}
}

func TestARevocationBetweenTwoRoundsCounts(t *testing.T) {
	h := newAsked(t, everything)
	h.says(`{"resultType":"input_required","requestState":"1"}`, done)
	state := stateIn(t, h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	h.wallet.revoke("alice")
	if w := h.send(t, ably("alice", "crm__get_contact", `{}`, back(state, `{}`))); w.Code != http.StatusUnauthorized || len(h.upstreams.got()) != 1 {
		t.Errorf("got %d, %d calls; want 401 and no further one", w.Code, len(h.upstreams.got()))
	}
}

func TestAClientIsAskedOnlyForWhatItDeclaredAndTheOperatorAllows(t *testing.T) {
	wants := func(method, params string) string {
		return `{"resultType":"input_required","inputRequests":{"ok":{"method":"elicitation/create","params":{}},"a":{"method":"` + method + `","params":` + params + `}}}`
	}
	for name, c := range map[string]struct {
		allowed  upstream.Asks
		declared string
		says     string
		status   int
		want     string
	}{
		"a form":            {everything, able, wants("elicitation/create", `{}`), 200, `input_required`},
		"links undeclared":  {everything, `{"elicitation":{}}`, wants("elicitation/create", `{"mode":"url"}`), 400, `"code":-32021,"message":"The app crm asks for what this client did not declare: elicitation/create.","data":{"requiredCapabilities":{"elicitation":{"url":{}}}}`},
		"roots undeclared":  {everything, `{"elicitation":{}}`, wants("roots/list", `{}`), 400, `{"requiredCapabilities":{"roots":{}}}`},
		"tools undeclared":  {everything, `{"elicitation":{},"sampling":{}}`, wants("sampling/createMessage", `{"tools":[]}`), 400, `{"requiredCapabilities":{"sampling":{"tools":{}}}}`},
		"nothing declared":  {everything, `{}`, wants("elicitation/create", `{}`), 400, `{"requiredCapabilities":{"elicitation":{"form":{}}}}`},
		"roots not allowed": {upstream.AskElicitation, able, wants("roots/list", `{}`), 200, `asks its client for what the operator does not allow it to: roots/list.`},
		"nothing allowed":   {0, able, wants("elicitation/create", `{}`), 200, `does not allow`},
		"another method":    {everything, able, wants("tools/call", `{}`), 200, `what no client has: tools/call`},
		"another mode":      {everything, able, wants("elicitation/create", `{"mode":"voice"}`), 200, `what no client has`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAsked(t, c.allowed)
			h.says(c.says)
			w := h.send(t, declaring(c.declared, "alice", "tools/call", "crm__get_contact", `"name":"crm__get_contact","arguments":{}`))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("got %d %s; want %d %s", w.Code, w.Body, c.status, c.want)
			}
			asked := strings.Contains(w.Body.String(), "inputRequests")
			if want := map[bool]audit.Status{true: audit.StatusOK, false: audit.StatusError}[asked]; h.book.outcomes()[0] != want || asked != (c.want == "input_required") {
				t.Errorf("got outcome %s, asked %v", h.book.outcomes()[0], asked)
			}
		})
	}
}

// Of two equal keys, or keys that differ by case, some clients read one and
// some the other: nothing may be asked that was not decided on.
func TestAResultThatAsksIsReadInOneWay(t *testing.T) {
	form := `{"method":"elicitation/create","params":{}}`
	for name, result := range map[string]string{
		"two types":            `{"resultType":"complete","resultType":"input_required","inputRequests":{"a":` + form + `}}`,
		"two types, reversed":  `{"resultType":"input_required","resultType":"complete","inputRequests":{"a":` + form + `}}`,
		"a hidden type":        `{"resultType":"complete","result\u0054ype":"input\u005frequired","inputRequests":{"a":` + form + `}}`,
		"two requests":         `{"resultType":"input_required","inputRequests":{"a":` + form + `},"inputRequests":{"a":{"method":"roots/list"}}}`,
		"a twin of them":       `{"resultType":"input_required","inputRequests":{"a":` + form + `},"InputRequests":{"a":{"method":"roots/list"}}}`,
		"two methods":          `{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","method":"roots/list"}}}`,
		"a twin of the method": `{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","Method":"roots/list"}}}`,
		"two modes":            `{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","mode":"url"}}}}`,
		"a twin of the mode":   `{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","MODE":"url"}}}}`,
		"two states":           `{"resultType":"input_required","requestState":"1","requestState":"2"}`,
		"a state of another":   `{"resultType":"input_required","requestState":{"a":1}}`,
		"nothing at all":       `{"resultType":"input_required"}`,
		"a list of requests":   `{"resultType":"input_required","inputRequests":[]}`,
		"a huge state":         `{"resultType":"input_required","requestState":"` + strings.Repeat("x", 70_000) + `"}`,
		"too many at once":     `{"resultType":"input_required","inputRequests":{` + strings.Repeat(`"NNN":`+form+`,`, 17) + `"z":` + form + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			for n := range 17 { // make the keys different
				result = strings.Replace(result, "NNN", fmt.Sprint("k", n), 1)
			}
			h := newAsked(t, upstream.AskForm)
			h.says(result)
			w := h.send(t, declaring(`{"elicitation":{}}`, "alice", "tools/call", "crm__get_contact", `"name":"crm__get_contact","arguments":{}`))
			if strings.Contains(name, "type") {
				if got := w.Body.String(); strings.Contains(got, "required") && !strings.Contains(got, "can't be passed on") {
					t.Errorf("got %s; want nobody to read it as asking", got)
				}
				return
			}
			if got := read(t, w.Body); code(got) != -32603 {
				t.Errorf("got %s; want an answer that can't be passed on", w.Body)
			}
		})
	}
}

func TestACallGoesOnSixteenTimesAtMost(t *testing.T) {
	h := newAsked(t, everything)
	h.says(`{"resultType":"input_required","requestState":"again"}`)
	more := ""
	for range 20 {
		body := h.send(t, ably("alice", "crm__get_contact", `{}`, more)).Body.String()
		if strings.Contains(body, "16 times") {
			break
		}
		more = back(stateIn(t, body), `{}`)
	}
	if got := len(h.upstreams.got()); got != 16 {
		t.Errorf("got %d rounds; want 16", got)
	}
}

func TestWhatAClientBringsUnaskedPassesOnlyWhereNobodyApproved(t *testing.T) {
	h := newAsked(t, everything)
	h.send(t, ably("alice", "crm__get_contact", `{}`, `,"inputResponses":{"a":{"n":1.0}}`))
	if calls := h.upstreams.got(); !strings.Contains(calls[0].Params, `"inputResponses":{"a":{"n":1.0}}`) {
		t.Errorf("got %s; want it passed on", calls[0].Params)
	}
	h.send(t, call("alice", "crm__delete_contact", `{}`))
	h.decide(t, "approve")
	h.send(t, ably("alice", "crm__delete_contact", `{}`, `,"inputResponses":{"a":{}}`))
	if calls := h.upstreams.got(); len(calls) != 2 || strings.Contains(calls[1].Params, "inputResponses") {
		t.Errorf("got %v; want an approved call without it", calls)
	}
}

func TestAnUpstreamThatAsksCantSpeakForTheGateway(t *testing.T) {
	for name, key := range map[string]string{"plainly": `dev.ostiary/decision`, "escaped": `dev.\u006fstiary/decision`} {
		h := newAsked(t, everything)
		h.says(`{"resultType":"input_required","_meta":{"` + key + `":{"url":"https://evil.example"}},"inputRequests":{"a":{"method":"elicitation/create","params":{"_meta":{"` + key + `":{"url":"https://evil.example"},"kept":1}}}}}`)
		body := h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String()
		if strings.Contains(body, "evil") || !strings.Contains(body, `"kept":1`) {
			t.Errorf("%s: got %s; want only our key gone", name, body)
		}
	}
}

func TestAStateOfARoundSaysNothing(t *testing.T) {
	h := newAsked(t, everything)
	h.says(`{"resultType":"input_required","requestState":"secret-of-the-upstream"}`)
	state := stateIn(t, h.send(t, ably("alice", "crm__get_contact", `{}`, "")).Body.String())
	if strings.Contains(state, "secret") || strings.Contains(state, "alice") || len(state) < 100 {
		t.Errorf("got the state %q; want it sealed", state)
	}
}

func TestNobodyIsAskedWhileATaskMakesItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, allows(t, "crm", everything), func(c *mcp.Config) { c.Hold = 25 * time.Second })
		ctx, stop := context.WithCancel(t.Context())
		h.follow(ctx)
		h.says(wish)
		n := declaring(`{"elicitation":{},"roots":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`, "alice", "tools/call", "crm__delete_contact", `"name":"crm__delete_contact","arguments":{}`)
		id := h.taskOf(t, n)
		h.decide(t, "approve")
		got := h.wantStatus(t, id, "completed")
		if !strings.Contains(got.text(), "asks its client for input, which is not passed on here") || h.upstreams.asks() != 0 {
			t.Errorf("got %s, declared %b; want the call to end, and nothing declared", got.text(), h.upstreams.asks())
		}
		stop()
		synctest.Wait()
	})
}
