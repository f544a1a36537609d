package mcp_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// across is a client of 2025-11-25 before upstreams of 2026-07-28.
func across(t *testing.T, allowed upstream.Asks) *lane {
	t.Helper()
	h := newAsked(t, allowed)
	return &lane{h, door(t, h.instance)}
}

const (
	wantsForm = `{"method":"elicitation/create","params":` + form + `}`
	wantsLink = `{"method":"elicitation/create","params":{"mode":"url","message":"Go","url":"https://crm.example","n":9007199254740993}}`
)

func asksFor(requests, state string) string {
	if state != "" {
		state = `,"requestState":` + state
	}
	return `{"resultType":"input_required","inputRequests":{` + requests + `}` + state + `}`
}

func TestAnOlderClientIsAskedOnItsStreamAndTheGatewayGoesOn(t *testing.T) {
	l := across(t, everything)
	l.says(asksFor(`"step":`+wantsForm+`,"b\u00e9":`+wantsLink, `"r\u00e9"`), done)
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	for range 2 {
		got := stream.next(t)
		id := idOf(t, got)
		switch params, _ := wire.Lookup([]byte(got), "params"); {
		case string(params) == form:
			l.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"result":{"action":"accept","content":{"n":9007199254740993}, "x":1.0}}`))
		case strings.HasPrefix(string(params), `{"mode":"url","message":"Go","url":"https://crm.example","n":9007199254740993,"elicitationId":"eli_`):
			l.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"error":{"code":-1,"message":"no"}}`))
		default:
			t.Errorf("got %s; want the form or the link", got)
		}
	}
	if got, want := stream.next(t), `{"jsonrpc":"2.0","id":1,"result":`+done+`}`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	calls := l.upstreams.got()
	want := `{"name":"get_contact","arguments":{"id":"1"},"requestState":"r\u00e9","inputResponses":{"step":{"action":"accept","content":{"n":9007199254740993}, "x":1.0},"bé":{"action":"cancel"}}}`
	if len(calls) != 2 || calls[1].Params != want {
		t.Errorf("got %v; want the second to be %s", calls, want)
	}
	if got := l.book.outcomes(); len(got) != 2 || got[0] != audit.StatusOK || got[1] != audit.StatusOK {
		t.Errorf("got outcomes %v; want ok for each round", got)
	}
	l.book.wantOneCall(t, "", "2")
}

func TestWhatDoesNotCrossTheErasIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		allowed           upstream.Asks
		version, declared string
		wants, says       string
	}{
		"sampling":            {everything, "2025-11-25", asks, `"a":{"method":"sampling/createMessage","params":{}}`, "does not pass between their eras of the protocol: sampling/createMessage"},
		"roots beside a form": {everything, "2025-11-25", asks, `"f":` + wantsForm + `,"a":{"method":"roots/list"}`, "does not pass between their eras of the protocol: roots/list"},
		"a form not declared": {everything, "2025-11-25", `{"roots":{}}`, `"f":` + wantsForm, "this client did not declare, or can't be asked here: elicitation/create"},
		"a link not declared": {everything, "2025-11-25", `{"elicitation":{}}`, `"f":` + wantsLink, "did not declare"},
		"a link of old":       {everything, "2025-06-18", asks, `"f":` + wantsLink, "did not declare"},
		"the oldest client":   {everything, "2025-03-26", asks, `"f":` + wantsForm, "did not declare"},
		"a form not allowed":  {upstream.AskRoots, "2025-11-25", asks, `"f":` + wantsForm, "the operator does not allow"},
	} {
		t.Run(name, func(t *testing.T) {
			l := across(t, c.allowed)
			l.says(asksFor(c.wants, ""), done)
			got := l.talk(t, l.begin(t, "alice", c.version, c.declared).with(contactCall)).rest(t)
			if !strings.Contains(got, c.says) || !strings.Contains(got, `"isError":true`) || len(l.upstreams.got()) != 1 {
				t.Errorf("got %s; want a refusal that says %s", got, c.says)
			}
			if got := l.book.outcomes(); got[0] != audit.StatusError {
				t.Errorf("got outcome %s; want error", got[0])
			}
			if l.upstreams.asks()&^everything != 0 {
				t.Errorf("declared %b", l.upstreams.asks())
			}
		})
	}
}

func TestAnOlderClientThatReadsNoStreamIsNotAskedInAnUpstreamsStead(t *testing.T) {
	l := across(t, everything)
	l.says(asksFor(`"f":`+wantsForm, ""), done)
	got := l.talk(t, l.begin(t, "alice", "2025-11-25", asks).saying("Accept", "application/json").with(contactCall)).rest(t)
	if !strings.Contains(got, "can't be asked here") || l.upstreams.asks() != 0 {
		t.Errorf("got %s, declared %b; want a refusal, and nothing declared", got, l.upstreams.asks())
	}
}

func TestARoundThatTheGatewayMakesIsDecidedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(l *lane)
		want string
	}{
		"nothing happened":      {func(*lane) {}, `"done"`},
		"the token was revoked": {func(l *lane) { l.wallet.revoke("alice") }, `This token is not good here`},
		"the tool changed": {func(l *lane) {
			l.upstreams.mu.Lock()
			l.upstreams.lists["crm"] = upstream.Lists{Tools: items(`{"name":"get_contact","description":"other","inputSchema":{"type":"object"}}`)}
			l.upstreams.mu.Unlock()
			if err := l.catalogue.Refresh(l.book.t.Context()); err != nil {
				l.book.t.Error(err)
			}
		}, `definition changed`},
	} {
		t.Run(name, func(t *testing.T) {
			l := across(t, everything)
			l.book.t = t
			l.wallet.tokens["again"] = person("alice", "ses_alice") // another token of hers
			l.says(asksFor(`"f":`+wantsForm, ""), done)
			session := l.begin(t, "alice", "2025-11-25", asks)
			stream := l.talk(t, session.with(contactCall))
			id := idOf(t, stream.next(t))
			c.do(l)
			answer := session.with(`{"jsonrpc":"2.0","id":` + id + `,"result":{"action":"accept"}}`)
			answer.token = "again"
			l.send(t, answer)
			if got := stream.next(t); !strings.Contains(got, c.want) {
				t.Errorf("got %s; want it to say %s", got, c.want)
			}
			if got, want := len(l.upstreams.got()), map[bool]int{true: 2, false: 1}[name == "nothing happened"]; got != want {
				t.Errorf("got %d upstream requests; want %d", got, want)
			}
		})
	}
}

func TestAYesToOneCallServesTheRoundsThatTheGatewayMakes(t *testing.T) {
	l := across(t, everything)
	session := l.begin(t, "alice", "2025-11-25", `{"elicitation":{}}`)
	remove := session.with(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__delete_contact","arguments":{}}}`)
	l.send(t, remove)
	l.decide(t, "approve")
	l.says(asksFor(`"f":`+wantsForm, ""), asksFor(`"f":`+wantsForm, ""), done)
	stream := l.talk(t, remove)
	for range 2 {
		l.send(t, session.with(`{"jsonrpc":"2.0","id":`+idOf(t, stream.next(t))+`,"result":{"action":"accept"}}`))
	}
	if got := stream.next(t); !strings.Contains(got, `"done"`) {
		t.Errorf("got %s; want the answer", got)
	}
	l.book.wantGrants(t, 3)
}

func TestAnOlderClientThatCancelsEndsTheRounds(t *testing.T) {
	l := across(t, everything)
	l.says(asksFor(`"f":`+wantsForm, ""), done)
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	id := idOf(t, stream.next(t))
	l.send(t, session.with(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`))
	if got := stream.next(t); !strings.Contains(got, `"requestId":`+id) {
		t.Errorf("got %s; want the question taken back", got)
	}
	if got := stream.next(t); idOf(t, got) != "1" || len(l.upstreams.got()) != 1 {
		t.Errorf("got %s and %d upstream requests; want the end, and no second one", got, len(l.upstreams.got()))
	}
	if w := l.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"result":{"action":"accept"}}`)); w.Code != http.StatusAccepted || len(l.upstreams.got()) != 1 {
		t.Errorf("got %d, %d upstream requests; want the answer to come to nothing", w.Code, len(l.upstreams.got()))
	}
}

// inBubbleAcross is a client of 2025-11-25 whose upstream gives these results.
func inBubbleAcross(t *testing.T, test func(t *testing.T, h *house, session note), results ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, allows(t, "crm", everything))
		h.says(results...)
		test(t, h, h.begin(t, "alice", "2025-11-25", asks))
	})
}

func TestAnOlderClientThatNeverAnswersIsNotWaitedForWithoutEnd(t *testing.T) {
	inBubbleAcross(t, func(t *testing.T, h *house, session note) {
		began := time.Now()
		c := h.callIn(t, session.with(contactCall))
		<-c.done
		all := c.events(t)
		if took := time.Since(began); took != 10*time.Minute || len(h.upstreams.got()) != 1 {
			t.Errorf("got an end after %v, %d upstream requests; want ten minutes and one", took, len(h.upstreams.got()))
		}
		if last := all[len(all)-1]; !strings.Contains(last, "nobody answered in time") {
			t.Errorf("got %s; want it to say why", last)
		}
	}, asksFor(`"f":`+wantsForm, ""), done)
}

func TestAnUpstreamThatIsBusyIsCalledAgainAFewTimes(t *testing.T) {
	busy := `{"resultType":"input_required","requestState":"later"}`
	for name, c := range map[string]struct {
		results []string
		calls   int
		took    time.Duration
		says    string
	}{
		"once":      {[]string{busy, done}, 2, time.Second, `"done"`},
		"for ever":  {[]string{busy}, 5, 15 * time.Second, "too busy"},
		"then asks": {[]string{busy, asksFor(`"f":{"method":"roots/list"}`, "")}, 2, time.Second, "does not pass between"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbleAcross(t, func(t *testing.T, h *house, session note) {
				began := time.Now()
				w := h.send(t, session.with(contactCall))
				calls := h.upstreams.got()
				if took := time.Since(began); took != c.took || len(calls) != c.calls || !strings.Contains(w.Body.String(), c.says) {
					t.Errorf("got %s after %v, %d calls; want %s after %v, %d", w.Body, took, len(calls), c.says, c.took, c.calls)
				}
				if last := calls[len(calls)-1].Params; !strings.Contains(last, `"requestState":"later"`) || strings.Contains(last, "inputResponses") {
					t.Errorf("got %s; want the state and no responses", last)
				}
			}, c.results...)
		})
	}
}

func TestAnOlderClientIsAskedSixteenTimesACallAtMost(t *testing.T) {
	l := across(t, everything)
	l.says(asksFor(`"f":`+wantsForm, ""))
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	asked := 0
	for {
		got := stream.next(t)
		if !strings.Contains(got, "elicitation/create") {
			if !strings.Contains(got, "16 times") {
				t.Errorf("got %s; want it to say why the call ends", got)
			}
			break
		}
		asked++
		l.send(t, session.with(`{"jsonrpc":"2.0","id":`+idOf(t, got)+`,"result":{"action":"accept"}}`))
	}
	if asked != 15 || len(l.upstreams.got()) != 16 {
		t.Errorf("got %d questions, %d rounds; want 15 and 16", asked, len(l.upstreams.got()))
	}
}
