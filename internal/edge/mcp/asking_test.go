package mcp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

// asks are the capabilities of a client of 2025-11-25 that can be asked
// everything.
const asks = `{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{"listChanged":true}}`

const (
	contactCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{"id":"1"}}}`
	form        = `{"mode":"form","message":"Your name?","requestedSchema":{"type":"object","properties":{"name":{"type":"string","maxLength":9007199254740993}}},"x-new":[18446744073709551615]}`
	link        = `{"mode":"url","message":"Go there","url":"https://crm.example/login","elicitationId":"e1"}`
)

// echo asks once and answers with what it was answered.
func echo(method, params string) func(*elderCall) {
	return func(c *elderCall) { c.answer(<-c.asks("1", method, params)) }
}

func TestWhatAnUpstreamAsksReachesItsCallerAndTheAnswerGoesBack(t *testing.T) {
	for name, c := range map[string]struct{ method, params, answer string }{
		"form":     {"elicitation/create", form, `"result":{"action":"accept","content":{"name":"A","n":9007199254740993},"x-new":{"a":[1.0]}}`},
		"declined": {"elicitation/create", form, `"result":{"action":"decline"}`},
		"link":     {"elicitation/create", link, `"result":{"action":"accept"}`},
		"sampling": {"sampling/createMessage", `{"messages":[],"maxTokens":9007199254740993}`, `"result":{"role":"assistant","content":{"type":"text","text":"hi"},"model":"m"}`},
		"tools":    {"sampling/createMessage", `{"messages":[],"maxTokens":1,"tools":[{"name":"x"}]}`, `"result":{"role":"assistant","content":[],"model":"m"}`},
		"roots":    {"roots/list", `{}`, `"result":{"roots":[{"uri":"file:///a"}]}`},
		"no":       {"sampling/createMessage", `{"messages":[],"maxTokens":1}`, `"error":{"code":-1,"message":"User rejected","data":9007199254740993}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elder{t: t, call: echo(c.method, c.params)}
			l := newLane(t, e, everything)
			session := l.begin(t, "alice", "2025-11-25", asks)
			stream := l.talk(t, session.with(contactCall))
			question := stream.next(t)
			id := idOf(t, question)
			if want := `{"jsonrpc":"2.0","id":` + id + `,"method":"` + c.method + `","params":` + c.params + `}`; question != want || len(id) < 20 {
				t.Errorf("got %s; want %s with an id that can't be guessed", question, want)
			}
			w := l.send(t, session.with(`{`+c.answer+`,"jsonrpc":"2.0","id":`+id+`}`))
			if w.Code != http.StatusAccepted || w.Body.Len() != 0 {
				t.Errorf("got %d %s; want 202", w.Code, w.Body)
			}
			want := `{"jsonrpc":"2.0","id":1,` + c.answer + `}`
			if got := read(t, strings.NewReader(stream.next(t))); got.Result.Content[0].Text != want {
				t.Errorf("got %s; want the upstream to get %s", got.Result.Content[0].Text, want)
			}
			if got := h(l).outcomes(); len(e.got()) != 1 || !slices.Equal(got, []string{"ok"}) {
				t.Errorf("got %d calls, outcomes %v; want one", len(e.got()), got)
			}
		})
	}
}

// h is the book of a lane.
func h(l *lane) interface{ outcomes() []string } { return books{l.book} }

type books struct{ *book }

func (b books) outcomes() []string {
	var all []string
	for _, s := range b.book.outcomes() {
		all = append(all, string(s))
	}
	return all
}

func TestWhatWasNotDeclaredOrAllowedIsNotAsked(t *testing.T) {
	type ask struct{ method, params string }
	forms, links := ask{"elicitation/create", form}, ask{"elicitation/create", link}
	sampling, tools := ask{"sampling/createMessage", `{"messages":[]}`}, ask{"sampling/createMessage", `{"messages":[],"toolChoice":{}}`}
	roots := ask{"roots/list", `{}`}
	for name, c := range map[string]struct {
		version, declared string
		allowed           upstream.Asks
		ask               ask
		code              string
	}{
		"no capabilities":            {"2025-11-25", `{}`, everything, forms, "-32601"},
		"forms without links":        {"2025-11-25", `{"elicitation":{}}`, everything, links, "-32602"},
		"links without forms":        {"2025-11-25", `{"elicitation":{"url":{}}}`, everything, forms, "-32602"},
		"links before they were":     {"2025-06-18", `{"elicitation":{"url":{}}}`, everything, links, "-32602"},
		"elicitation before it was":  {"2025-03-26", `{"elicitation":{}}`, everything, forms, "-32601"},
		"sampling without tools":     {"2025-11-25", `{"sampling":{}}`, everything, tools, "-32601"},
		"sampling not declared":      {"2025-11-25", `{"elicitation":{}}`, everything, sampling, "-32601"},
		"roots not declared":         {"2025-11-25", `{"elicitation":{}}`, everything, roots, "-32601"},
		"elicitation not allowed":    {"2025-11-25", asks, upstream.AskRoots, forms, "-32601"},
		"sampling not allowed":       {"2025-11-25", asks, upstream.AskElicitation, sampling, "-32601"},
		"roots not allowed":          {"2025-11-25", asks, upstream.AskElicitation, roots, "-32601"},
		"nothing allowed":            {"2025-11-25", asks, 0, forms, "-32601"},
		"a mode that doesn't exist":  {"2025-11-25", asks, everything, ask{"elicitation/create", `{"mode":"voice"}`}, "-32602"},
		"a mode that is no text":     {"2025-11-25", asks, everything, ask{"elicitation/create", `{"mode":["url"]}`}, "-32602"},
		"a method that is not known": {"2025-11-25", asks, everything, ask{"secrets/list", `{}`}, "-32601"},
		"a method of servers":        {"2025-11-25", asks, everything, ask{"tools/call", `{"name":"x"}`}, "-32601"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elder{t: t, call: echo(c.ask.method, c.ask.params)}
			l := newLane(t, e, c.allowed)
			got := l.talk(t, l.begin(t, "alice", c.version, c.declared).with(contactCall)).rest(t)
			if !strings.Contains(got, `\"code\":`+c.code) || strings.Contains(got, `"method"`) {
				t.Errorf("got %s; want the upstream to hear %s, and the client nothing", got, c.code)
			}
		})
	}
}

func TestAClientThatReadsNoStreamIsNotAsked(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	session := l.begin(t, "alice", "2025-11-25", asks).saying("Accept", "application/json")
	if got := l.talk(t, session.with(contactCall)).rest(t); !strings.Contains(got, `\"code\":-32601`) {
		t.Errorf("got %s; want the upstream to hear that nothing is offered", got)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := e.begun[len(e.begun)-1]; last != `{}` {
		t.Errorf("declared %s; want nothing", last)
	}
}

func TestUpstreamsAreToldWhatTheClientAndTheOperatorHaveInCommon(t *testing.T) {
	for name, c := range map[string]struct {
		version, declared string
		allowed           upstream.Asks
		want              string
	}{
		"everything":         {"2025-11-25", asks, everything, `{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}`},
		"by default":         {"2025-11-25", asks, upstream.AskElicitation, `{"elicitation":{"form":{},"url":{}}}`},
		"forms":              {"2025-11-25", `{"elicitation":{},"experimental":{"x":{}}}`, everything, `{"elicitation":{"form":{}}}`},
		"an older client":    {"2025-06-18", asks, everything, `{"elicitation":{"form":{}},"sampling":{},"roots":{}}`},
		"the oldest client":  {"2025-03-26", asks, everything, `{"sampling":{},"roots":{}}`},
		"plain sampling":     {"2025-11-25", `{"sampling":{}}`, everything, `{"sampling":{}}`},
		"sampling's context": {"2025-11-25", `{"sampling":{"context":{}}}`, everything, `{"sampling":{"context":{}}}`},
		"no objects":         {"2025-11-25", `{"elicitation":true,"sampling":null,"roots":[]}`, everything, `{}`},
		"nothing":            {"2025-11-25", `{}`, everything, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elder{t: t}
			l := newLane(t, e, c.allowed)
			l.talk(t, l.begin(t, "alice", c.version, c.declared).with(contactCall)).rest(t)
			e.mu.Lock()
			defer e.mu.Unlock()
			if last := e.begun[len(e.begun)-1]; last != c.want || e.begun[0] != `{}` {
				t.Errorf("declared %v; want %s, and nothing where the lists come from", e.begun, c.want)
			}
		})
	}
}

func TestOnlyTheSessionThatWasAskedAnswersAndOnce(t *testing.T) {
	answered := make(chan string, 1)
	e := &elder{t: t, call: func(c *elderCall) {
		came := c.asks("7", "elicitation/create", form)
		answered <- <-came
		c.answer("done")
	}}
	l := newLane(t, e, everything)
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	id := idOf(t, stream.next(t))
	forged := `{"jsonrpc":"2.0","id":` + id + `,"result":{"action":"accept","content":{"forged":true}}}`
	for name, n := range map[string]note{
		"another session of the person": l.begin(t, "alice", "2025-11-25", asks).with(forged),
		"another agent of the person":   l.begin(t, "alice2", "2025-11-25", asks).with(forged),
		"another person":                l.begin(t, "bob", "2025-11-25", asks).with(forged),
		"another id":                    session.with(strings.Replace(forged, id, `"ask_AAAAAAAAAAAAAAAAAAAAAAAAAA"`, 1)),
		"the upstream's own id":         session.with(strings.Replace(forged, id, `7`, 1)),
		"no id at all":                  session.with(`{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}`),
	} {
		if w := l.send(t, n); w.Code != http.StatusAccepted || w.Body.Len() != 0 {
			t.Errorf("%s: got %d %s; want 202 and no word", name, w.Code, w.Body)
		}
	}
	for name, n := range map[string]note{
		"a stolen session": {token: "bob", header: session.header, body: forged},
		"no token":         {header: session.header, body: forged},
	} {
		if w := l.send(t, n); w.Code != http.StatusNotFound && w.Code != http.StatusUnauthorized {
			t.Errorf("%s: got %d; want 401 or 404", name, w.Code)
		}
	}
	select {
	case got := <-answered:
		t.Fatalf("the upstream got %s", got)
	default:
	}
	genuine := session.with(`{"jsonrpc":"2.0","id":` + id + `,"result":{"action":"decline"}}`)
	l.send(t, genuine)
	if got := <-answered; !strings.Contains(got, "decline") {
		t.Errorf("got %s; want the genuine answer", got)
	}
	l.send(t, genuine) // once more
	stream.next(t)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.strays) != 0 {
		t.Errorf("the upstream also got %v", e.strays)
	}
}

func TestARevokedTokenAnswersNothing(t *testing.T) {
	e := &elder{t: t, call: echo("elicitation/create", form)}
	l := newLane(t, e, everything)
	session := l.begin(t, "alice", "2025-11-25", asks)
	id := idOf(t, l.talk(t, session.with(contactCall)).next(t))
	l.wallet.revoke("alice")
	if w := l.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"result":{"action":"accept"}}`)); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d; want 401", w.Code)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) != 1 {
		t.Errorf("the upstream waits for %d answers; want one", len(e.waiting))
	}
}

func TestAQuestionThatIsTakenBackIsTakenBackFromTheClient(t *testing.T) {
	e := &elder{t: t, call: func(c *elderCall) {
		c.asks(`"q"`, "elicitation/create", form)
		c.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"other"}}`)
		c.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q","reason":"never mind"}}`)
		c.answer(<-c.asks(`"r"`, "roots/list", `{}`))
	}}
	l := newLane(t, e, everything)
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	first := idOf(t, stream.next(t))
	var second string
	for range 2 { // in either order
		got := stream.next(t)
		if strings.Contains(got, "roots/list") {
			second = idOf(t, got)
		} else if want := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + first + `}}`; got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	l.send(t, session.with(`{"jsonrpc":"2.0","id":`+first+`,"result":{"action":"accept"}}`))
	l.send(t, session.with(`{"jsonrpc":"2.0","id":`+second+`,"result":{"roots":[]}}`))
	if got := stream.next(t); !strings.Contains(got, `roots`) {
		t.Errorf("got %s; want the answer to the second question", got)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.strays) != 0 {
		t.Errorf("got %v; want the first question never answered", e.strays)
	}
}

func TestACallThatIsCancelledTakesItsQuestionsAlong(t *testing.T) {
	e := &elder{t: t, call: func(c *elderCall) { <-c.asks("1", "elicitation/create", form) }}
	l := newLane(t, e, everything)
	session := l.begin(t, "alice", "2025-11-25", asks)
	stream := l.talk(t, session.with(contactCall))
	id := idOf(t, stream.next(t))
	l.send(t, session.with(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`))
	if got := stream.next(t); !strings.Contains(got, `"requestId":`+id) {
		t.Errorf("got %s; want the question taken back", got)
	}
	if got := stream.next(t); !strings.Contains(got, "cancelled") || idOf(t, got) != "1" {
		t.Errorf("got %s; want the call to end", got)
	}
	l.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"result":{"action":"accept"}}`))
	eventually(t, "the upstream hears that the call is cancelled", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.quit) == 1
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.strays) != 0 {
		t.Errorf("the upstream got %v; want no answer", e.strays)
	}
}

func TestAnUpstreamCantAskWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		id   func(i int) string
		want int
	}{
		"one after another": {strconv.Itoa, 16},
		"always the same":   {func(int) string { return "1" }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := &elder{t: t, call: func(under *elderCall) {
				for i := range 100 {
					under.asks(c.id(i), "elicitation/create", form)
				}
				under.answer("done")
			}}
			l := newLane(t, e, everything)
			stream := l.talk(t, l.begin(t, "alice", "2025-11-25", asks).with(contactCall))
			asked := map[string]bool{}
			for {
				got := stream.next(t)
				if strings.Contains(got, "done") {
					break
				}
				if strings.Contains(got, "elicitation/create") {
					asked[idOf(t, got)] = true
				}
			}
			if len(asked) != c.want {
				t.Errorf("got %d questions; want %d", len(asked), c.want)
			}
		})
	}
}

func TestAQuestionAfterTheAnswerGoesNowhere(t *testing.T) {
	done := make(chan struct{})
	e := &elder{t: t, call: func(c *elderCall) {
		c.answer("done")
		c.asks("1", "elicitation/create", form)
		close(done)
	}}
	l := newLane(t, e, everything)
	got := l.talk(t, l.begin(t, "alice", "2025-11-25", asks).with(contactCall)).rest(t)
	<-done
	if strings.Contains(got, "elicitation") {
		t.Errorf("got %s; want the answer alone", got)
	}
}

func TestOfOnePersonOnlySoManyQuestionsAreOpen(t *testing.T) {
	var ids atomic.Int64
	e := &elder{t: t, call: func(c *elderCall) {
		var refused int
		var open []<-chan string
		for range 8 {
			open = append(open, c.asks(fmt.Sprint(ids.Add(1)), "elicitation/create", form))
		}
		for _, came := range open {
			if strings.Contains(<-came, "error") {
				refused++
			}
		}
		c.answer(strconv.Itoa(refused))
	}}
	l := newLane(t, e, everything)
	var sessions []note
	for range 4 {
		sessions = append(sessions, l.begin(t, "alice", "2025-11-25", asks))
		stream := l.talk(t, sessions[len(sessions)-1].with(contactCall))
		for range 8 {
			stream.next(t)
		}
	}
	if got := l.talk(t, l.begin(t, "alice", "2025-11-25", asks).with(contactCall)).rest(t); !strings.Contains(got, `"text":"8"`) {
		t.Errorf("got %s; want all eight of the fifth call refused", got)
	}
	bob := l.begin(t, "bob", "2025-11-25", asks)
	if got := l.talk(t, bob.with(contactCall)).next(t); !strings.Contains(got, "elicitation/create") {
		t.Errorf("got %s; want bob to be asked still", got)
	}
	for _, n := range sessions {
		l.send(t, n.with(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`))
	}
	eventually(t, "alice can be asked again", func() bool {
		again := talkTo(t.Context(), t, l.url, l.begin(t, "alice", "2025-11-25", asks).with(contactCall))
		defer again.body.Close()
		return strings.Contains(again.next(t), "elicitation/create")
	})
}
