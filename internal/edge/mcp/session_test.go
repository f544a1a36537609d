package mcp_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

const listTools = `{"jsonrpc":"2.0","id":5,"method":"tools/list"}`

func TestInitializeAgreesOnAVersion(t *testing.T) {
	for asked, want := range map[string]string{
		"2025-11-25": "2025-11-25", "2025-06-18": "2025-06-18", "2025-03-26": "2025-03-26",
		"2024-11-05": "2025-11-25", "2026-07-28": "2025-11-25", "1999-01-01": "2025-11-25",
	} {
		h := newHouse(t)
		w := h.send(t, note{token: "alice", body: `{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"` + asked + `","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`})
		body := `{"jsonrpc":"2.0","id":"a","result":{"protocolVersion":"` + want + `","capabilities":{"tools":{"listChanged":true},"resources":{"listChanged":true},"prompts":{"listChanged":true},"completions":{},"logging":{}},"serverInfo":{"name":"ostiary","title":"Ostiary","version":"1.2.3"},"instructions":"Ask nicely."}}`
		if w.Code != http.StatusOK || w.Body.String() != body || w.Header().Get("Mcp-Session-Id") == "" {
			t.Errorf("%s: got %d %s, session %q; want %s", asked, w.Code, w.Body, w.Header().Get("Mcp-Session-Id"), body)
		}
	}
}

// The first initialize needs no header. A client that begins a session again
// may still send that of the one before, which names what was agreed on.
func TestAHeaderAtInitializeNamesWhatIsAgreedOn(t *testing.T) {
	const mismatch, unsupported, malformed = -32020, -32022, -32602
	for _, c := range []struct {
		header, asked string
		code          int // of the error; 0: a session begins
	}{
		{"", "2025-06-18", 0},
		{"2025-06-18", "2025-06-18", 0},
		{"2025-11-25", "2024-11-05", 0},
		{"2025-11-25", "2026-07-28", 0},
		{"2025-11-25", "2025-06-18", mismatch},
		{"2025-03-26", "2025-11-25", mismatch},
		{"2025-06-18", "2024-11-05", mismatch},
		{"2024-11-05", "2024-11-05", unsupported},
		{"2026-07-28", "2025-11-25", malformed},
	} {
		h := newHouse(t)
		n := note{token: "alice", body: `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + c.asked + `","capabilities":{}}}`}
		if c.header != "" {
			n = n.saying("MCP-Protocol-Version", c.header)
		}
		w := h.send(t, n)
		began := w.Header().Get("Mcp-Session-Id") != ""
		if got := code(read(t, w.Body)); got != c.code || began != (c.code == 0) || (w.Code == http.StatusOK) != began {
			t.Errorf("header %q, body %s: got %d, error %d, session %t; want error %d", c.header, c.asked, w.Code, got, began, c.code)
		}
	}
}

func TestASessionServesItsOwnPrincipalOnEveryInstance(t *testing.T) {
	h := newHouse(t)
	n := h.begin(t, "alice", "2025-11-25", `{}`).with(listTools)
	elsewhere := h.another(t)
	atCRM := n
	atCRM.path = "/crm/mcp"
	for name, c := range map[string]struct {
		i      *instance
		n      note
		status int
	}{
		"its own":                           {h.instance, n, 200},
		"its own on another instance":       {elsewhere, n, 200},
		"another person":                    {h.instance, as(n, "bob"), 404},
		"another session of alice":          {h.instance, as(n, "alice2"), 404},
		"nobody":                            {h.instance, as(n, ""), 401},
		"at another endpoint":               {h.instance, atCRM, 404},
		"none":                              {h.instance, without(n, "Mcp-Session-Id"), 400},
		"an invented one":                   {h.instance, n.saying("Mcp-Session-Id", "abc"), 404},
		"an edited one":                     {h.instance, n.saying("Mcp-Session-Id", edited(n.header["Mcp-Session-Id"])), 404},
		"with no version, as of 2025-03-26": {h.instance, without(n, "Mcp-Protocol-Version"), 200},
		"with an unknown version":           {h.instance, n.saying("Mcp-Protocol-Version", "2031-01-01"), 400},
	} {
		if w := c.i.send(t, c.n); w.Code != c.status {
			t.Errorf("%s: got %d %s; want %d", name, w.Code, w.Body, c.status)
		}
	}
}

// An agent whose person gives it more comes back with a token of another
// session, in the middle of what it does.
func TestASessionGoesOnWithItsAgentsNextToken(t *testing.T) {
	h := newHouse(t)
	agent := func(token string, subject ostiary.Subject, tenant ostiary.Tenant, client ostiary.ClientID) {
		p := person(subject, ostiary.SessionID("ses_"+token))
		p.Tenant, p.Client.ID = tenant, client
		h.wallet.tokens[token] = p
	}
	agent("reading", "alice", "acme", "cli_1")
	agent("writing", "alice", "acme", "cli_1")
	agent("another client", "alice", "acme", "cli_2")
	agent("another tenant", "alice", "globex", "cli_1")
	agent("another person", "bob", "acme", "cli_1")
	n := h.begin(t, "reading", "2025-11-25", `{}`).with(listTools)
	for token, want := range map[string]int{"reading": 200, "writing": 200, "another client": 404, "another tenant": 404, "another person": 404, "alice": 404} {
		if w := h.send(t, as(n, token)); w.Code != want {
			t.Errorf("%s: got %d %s; want %d", token, w.Code, w.Body, want)
		}
	}
}

func as(n note, token string) note {
	n.token = token
	return n
}

// edited changes one character in the middle.
func edited(s string) string {
	at := len(s) / 2
	other := "A"
	if s[at] == 'A' {
		other = "B"
	}
	return s[:at] + other + s[at+1:]
}

func TestAnEndedSessionIsGoneOnEveryInstance(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.another(t)
	n := h.begin(t, "alice", "2025-11-25", `{}`)
	if w := h.send(t, as(note{method: "DELETE", header: n.header}, "bob")); w.Code != http.StatusNotFound {
		t.Errorf("got %d when another ends it; want 404", w.Code)
	}
	newer := note{method: "DELETE", token: "alice", header: n.header}.saying("Mcp-Protocol-Version", "2026-07-28")
	if w := h.send(t, newer); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d to a client of 2026-07-28; want 405", w.Code)
	}
	if w := h.send(t, n.with(listTools)); w.Code != http.StatusOK {
		t.Fatalf("got %d; want the session to go on", w.Code)
	}
	if w := h.send(t, note{method: "DELETE", token: "alice", header: n.header}); w.Code != http.StatusNoContent {
		t.Fatalf("got %d %s; want 204", w.Code, w.Body)
	}
	for name, i := range map[string]*instance{"here": h.instance, "elsewhere": elsewhere} {
		if w := i.send(t, n.with(listTools)); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d; want 404", name, w.Code)
		}
	}
}

func TestASessionEndsByItself(t *testing.T) {
	h := newHouse(t)
	n := h.begin(t, "alice", "2025-11-25", `{}`).with(listTools)
	h.clock.move(30*24*time.Hour - time.Second)
	if w := h.send(t, n); w.Code != http.StatusOK {
		t.Errorf("got %d a second before its end; want 200", w.Code)
	}
	h.clock.move(time.Second)
	if w := h.send(t, n); w.Code != http.StatusNotFound {
		t.Errorf("got %d at its end; want 404", w.Code)
	}
}

func TestInASessionAnswersHaveTheShapeOfItsEra(t *testing.T) {
	h := newHouse(t)
	n := h.begin(t, "alice", "2025-11-25", `{}`)
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":2,"method":"ping"}`:                                                           `{"jsonrpc":"2.0","id":2,"result":{}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tasks/get"}`:                                                      `{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found: tasks/get"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"no/such"}`:                                                        `{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found: no/such"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"server/discover"}`:                                                `{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found: server/discover"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`: `{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"done"}],"huge":12345678901234567890}}`,
		`{"jsonrpc":"2.0","id":"x","method":"prompts/get","params":{"name":"crm__none"}}`:                    `{"jsonrpc":"2.0","id":"x","error":{"code":-32602,"message":"Unknown prompt: crm__none"}}`,
	} {
		if w := h.send(t, n.with(body)); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("got %d %s; want %s", w.Code, w.Body, want)
		}
	}
	if w := h.send(t, n.with(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)); w.Code != http.StatusAccepted {
		t.Errorf("got %d; want 202", w.Code)
	}
}

func TestBatchesAreOfOneRevisionOnlyAndEachElementIsDecidedAlone(t *testing.T) {
	h := newHouse(t)
	element := func(id, name string) string {
		return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
	}
	batch := `[` + element("1", "crm__get_contact") + `,` + element("2", "crm__payroll") + `,` +
		strings.Replace(element("3", "crm__get_contact"), `"id":3,`, ``, 1) + `,` + element("4", "crm__delete_contact") + `]`
	for version, status := range map[string]int{"2025-03-26": 200, "2025-06-18": 400, "2025-11-25": 400} {
		w := h.send(t, h.begin(t, "alice", version, `{}`).with(batch))
		if w.Code != status {
			t.Errorf("%s: got %d %s; want %d", version, w.Code, w.Body, status)
		}
		if status != http.StatusOK {
			continue
		}
		for _, want := range []string{`[{"jsonrpc":"2.0","id":1,"result":{"content"`, `"id":2,"error":{"code":-32602`, `"id":4,"result":{"content":[{"type":"text","text":"crm:delete_contact needs`} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("got %s; want %s", w.Body, want)
			}
		}
	}
	if calls := h.upstreams.got(); len(calls) != 1 {
		t.Errorf("got %d calls; want one", len(calls))
	}
	n := h.begin(t, "alice", "2025-03-26", `{}`)
	for _, bad := range []string{`[]`, `[` + element("1", "crm__get_contact") + `,{"jsonrpc":"2.0","id":1}]`, `[[` + element("1", "crm__get_contact") + `]]`} {
		if w := h.send(t, n.with(bad)); w.Code != http.StatusBadRequest || len(h.upstreams.got()) != 1 {
			t.Errorf("%s: got %d, %d calls; want 400 and none more", bad, w.Code, len(h.upstreams.got()))
		}
	}
}

func TestACallIsCancelledWhereverTheCancellationArrives(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		arrived := make(chan struct{}, 1)
		h.upstreams.answers(func(c ctx, _ sent, _ func([]byte)) (upstream.Reply, error) {
			arrived <- struct{}{}
			<-c.Done()
			return upstream.Reply{}, c.Err()
		})
		elsewhere := h.another(t)
		mine, other := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "alice", "2025-11-25", `{}`)
		done := h.start(t.Context(), mine.with(`{"jsonrpc":"2.0","id":"a 7","method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`))
		<-arrived
		cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a 7"}}`
		for name, n := range map[string]note{
			"another session":  other.with(cancel),
			"another person":   as(mine, "bob").with(cancel),
			"another id":       mine.with(strings.Replace(cancel, "a 7", "7", 1)),
			"an id of numbers": mine.with(strings.Replace(cancel, `"a 7"`, "7", 1)),
			"no id":            mine.with(`{"jsonrpc":"2.0","method":"notifications/cancelled"}`),
		} {
			elsewhere.send(t, n)
			synctest.Wait()
			if len(done) != 0 {
				t.Fatalf("%s: got %s; want the call to go on", name, (<-done).Body)
			}
		}
		if w := elsewhere.send(t, mine.with(cancel)); w.Code != http.StatusAccepted {
			t.Errorf("got %d; want 202", w.Code)
		}
		if got := (<-done).Body.String(); !strings.Contains(got, "cancelled") {
			t.Errorf("got %s; want it to say cancelled", got)
		}
	})
}

func TestACancelledCallEndsAndNobodyCancelsAnothers(t *testing.T) {
	h := newHouse(t)
	arrived := make(chan struct{}, 1)
	h.upstreams.answers(func(c ctx, _ sent, _ func([]byte)) (upstream.Reply, error) {
		arrived <- struct{}{}
		<-c.Done()
		return upstream.Reply{}, c.Err()
	})
	mine, other := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "alice", "2025-11-25", `{}`)
	done := make(chan string, 1)
	go func() {
		w := h.sendIn(t.Context(), mine.with(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`))
		done <- w.Body.String()
	}()
	<-arrived
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`
	h.send(t, other.with(cancel))
	h.send(t, mine.with(strings.Replace(cancel, "7", `"7"`, 1)))
	select {
	case got := <-done:
		t.Fatalf("got %s; want another session's and another id's cancellation to do nothing", got)
	default:
	}
	h.send(t, mine.with(cancel))
	if got := <-done; !strings.Contains(got, "cancelled") {
		t.Errorf("got %s; want it to say cancelled", got)
	}
	if got := h.book.outcomes(); len(got) != 1 || got[0] != "unknown" {
		t.Errorf("got outcomes %v; want unknown", got)
	}
}
