package mcp_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
)

func TestEveryRefusalArrivesInItsFormAndItsTwinGoesThrough(t *testing.T) {
	for name, c := range map[string]struct {
		refused, twin note
		status        int
		reason        string // of a tool result
		code          int    // of a JSON-RPC error
		challenge     string
	}{
		"no token": {
			refused: call("", "crm__get_contact", `{}`), twin: call("alice", "crm__get_contact", `{}`), status: 401, code: -32600,
			challenge: `Bearer resource_metadata="https://gate.example/.well-known/oauth-protected-resource/mcp", scope="mcp:read"`,
		},
		"a bad token": {
			refused: call("mallory", "crm__get_contact", `{}`), twin: call("bob", "crm__get_contact", `{}`), status: 401, code: -32600,
			challenge: `Bearer resource_metadata="https://gate.example/.well-known/oauth-protected-resource/mcp", scope="mcp:read", error="invalid_token"`,
		},
		"a tool that is not there": {
			refused: call("alice", "crm__nothing", `{}`), twin: call("alice", "crm__get_contact", `{}`), status: 400, code: -32602,
		},
		"a tool that is hidden": {
			refused: call("alice", "crm__payroll", `{}`), twin: call("carol", "crm__payroll", `{}`), status: 400, code: -32602,
		},
		"a missing scope": {
			refused: call("alice", "crm__export", `{}`), twin: call("carol", "crm__export", `{}`), status: 403, code: -32600,
			challenge: `Bearer resource_metadata="https://gate.example/.well-known/oauth-protected-resource/mcp", scope="mcp:write crm:export", error="insufficient_scope"`,
		},
		"no site": {
			refused: call("alice", "crm__move_contact", `{"id":"1"}`), twin: call("alice", "crm__move_contact", `{"siteId":"site-A"}`), status: 200, reason: "site_required",
		},
		"another site": {
			refused: call("alice", "crm__move_contact", `{"siteId":"site-B"}`), twin: call("alice", "crm__move_contact", `{"siteId":"site-A"}`), status: 200, reason: "site_not_allowed",
		},
		"an app that is not open": {
			refused: call("narrow", "notes__get_note", `{}`), twin: call("narrow", "crm__get_contact", `{}`), status: 200, reason: "authorization_required",
		},
		"a tool that nobody agreed to": {
			refused: call("narrow", "crm__move_contact", `{"siteId":"site-A"}`), twin: call("narrow", "crm__get_contact", `{}`), status: 200, reason: "tool_not_consented",
		},
		"a missing approval": {
			refused: call("alice", "crm__delete_contact", `{}`), twin: call("alice", "crm__get_contact", `{}`), status: 200, reason: "approval_required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.strangers()
			w := h.send(t, c.refused)
			got := read(t, w.Body)
			if w.Code != c.status || got.reason() != c.reason || code(got) != c.code {
				t.Errorf("got status %d, reason %q, code %d; want %d, %q, %d", w.Code, got.reason(), code(got), c.status, c.reason, c.code)
			}
			if challenges := strings.Join(w.Header().Values("WWW-Authenticate"), "\n"); challenges != c.challenge {
				t.Errorf("got challenge\n%s; want\n%s", challenges, c.challenge)
			}
			if calls := h.upstreams.got(); len(calls) != 0 {
				t.Fatalf("got upstream calls %+v of a refused one; want none", calls)
			}
			if w := h.send(t, c.twin); w.Code != http.StatusOK || len(h.upstreams.got()) != 1 {
				t.Errorf("got %d %s of the twin, %d calls; want it to go through", w.Code, w.Body, len(h.upstreams.got()))
			}
		})
	}
}

// strangers are more people: carol may everything, narrow next to nothing.
func (h *house) strangers() {
	carol := person("carol", "ses_carol")
	carol.Roles, carol.Scopes = []string{"accountant"}, []string{"mcp:write", "crm:export"}
	h.wallet.tokens["carol"] = carol
	narrow := person("dave", "ses_dave")
	narrow.Apps = ostiary.Selection{IDs: []string{"crm"}}
	narrow.Tools = ostiary.Selection{IDs: []string{"crm:get_contact"}}
	h.wallet.tokens["narrow"] = narrow
}

func code(s said) int {
	if s.Error == nil {
		return 0
	}
	return s.Error.Code
}

func TestHiddenAndNonExistingAreTheSameBytes(t *testing.T) {
	h := newHouse(t)
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	for method, names := range map[string][2]string{
		"tools/call": {"crm__payroll", "crm__nothing"}, "prompts/get": {"crm__secret", "crm__nothing"},
	} {
		for _, twins := range []string{`{}`, `{"id":"1"}`, `{"ID":"a twin key"}`, `{"siteId":"site-B"}`, `{},"requestState":"junk"`} {
			for era, ask := range map[string]func(name string) note{
				"stateless": func(name string) note {
					return stateless("alice", method, name, `"name":"`+name+`","arguments":`+twins)
				},
				"session": func(name string) note {
					return session.with(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"name":"` + name + `","arguments":` + twins + `}}`)
				},
			} {
				hidden, missing := h.send(t, ask(names[0])), h.send(t, ask(names[1]))
				want := strings.ReplaceAll(missing.Body.String(), names[1], names[0])
				if hidden.Code != missing.Code || hidden.Body.String() != want {
					t.Errorf("%s, %s: got %d %s; want %d %s", method, era, hidden.Code, hidden.Body, missing.Code, want)
				}
			}
		}
	}
}

func TestAHiddenThingIsAsUnknownWhateverElseIsWrong(t *testing.T) {
	h := newHouse(t)
	h.upstreams.lists["crm"] = upstream.Lists{
		Tools:     items(`{"name":"payroll","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`),
		Resources: items(`{"uri":"crm://salaries","name":"salaries"}`),
	}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{``, `,"requestState":"junk"`} {
		for name, c := range map[string]struct {
			hidden, missing string
			ask             func(name string) note
		}{
			"a header": {"crm__payroll", "crm__nothing", func(name string) note {
				return call("alice", name, `{"region":"eu"}`+state).saying("Mcp-Param-Region", "us")
			}},
			"a resource": {"crm://salaries", "crm://nothing", func(uri string) note {
				return stateless("alice", "resources/read", uri, `"uri":"`+uri+`"`+state)
			}},
		} {
			before := len(h.book.entries)
			hidden := h.send(t, c.ask(c.hidden))
			if len(h.book.entries) == before {
				t.Errorf("%s%s: the refusal was not recorded", name, state)
			}
			missing := h.send(t, c.ask(c.missing))
			want := strings.ReplaceAll(missing.Body.String(), c.missing, c.hidden)
			if hidden.Code != missing.Code || hidden.Body.String() != want {
				t.Errorf("%s%s: got %d %s; want %d %s", name, state, hidden.Code, hidden.Body, missing.Code, want)
			}
		}
	}
}

func TestTheCanonicalIDOfAHiddenToolIsUnknownToo(t *testing.T) {
	h := newHouse(t)
	if got := read(t, h.send(t, call("alice", "crm:payroll", `{}`)).Body); code(got) != -32602 {
		t.Errorf("got %+v; want an unknown tool", got)
	}
	if w := h.send(t, call("alice", "crm:get_contact", `{}`)); len(h.upstreams.got()) != 1 {
		t.Errorf("got %s; want the canonical id of a visible tool to be a name", w.Body)
	}
}

func TestARefusalTellsInMetaAndTextWhatIsNeeded(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, call("alice", "crm__delete_contact", `{"id":"1"}`))
	r := h.pending(t)[0]
	url := "https://gate.example/approvals/" + r.ID
	var got struct {
		Result struct {
			Content []struct{ Text string }
			Meta    json.RawMessage `json:"_meta"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := `{"code":"APPROVAL_REQUIRED","approval_url":"` + url + `","approval_id":"` + r.ID + `","state":"pending",` +
		`"options":{"allowedScopes":["once","session"],"defaultScope":"once","maxTtlMs":3600000,"category":"write","riskLevel":"high"},` +
		`"dev.ostiary/decision":{"reason":"approval_required","gate":"approval","call_id":"CALL","url":"` + url + `","expires_at":"2026-11-21T09:15:00Z","approval_id":"` + r.ID + `"}}`
	if meta := withoutCallID(string(got.Result.Meta)); meta != want {
		t.Errorf("got _meta\n%s; want\n%s", meta, want)
	}
	if text := got.Result.Content[0].Text; !strings.Contains(text, "crm:delete_contact") || !strings.Contains(text, url) || !strings.Contains(text, "approval") {
		t.Errorf("got text %q; want tool, what is needed, and the full link", text)
	}
}

func TestARefusalThatTheOwnerCanWidenSaysWhere(t *testing.T) {
	h := newHouse(t, func(c *mcp.Config) { c.StepUp = mcp.StepUpResult })
	w := h.send(t, call("alice", "crm__export", `{}`))
	want := `"_meta":{"code":"INSUFFICIENT_SCOPE","authorization_required":true,"app":"crm","tool":"crm:export","auth_url":"https://gate.example/account/tokens",` +
		`"required_scopes":["mcp:write","crm:export"],"session_mode":"stateless","supports_incremental":false,` +
		`"dev.ostiary/decision":{"reason":"insufficient_scope","gate":"scope","call_id":"CALL","url":"https://gate.example/account/tokens"}}`
	if got := withoutCallID(w.Body.String()); w.Code != http.StatusOK || !strings.Contains(got, want) {
		t.Errorf("got %d %s; want a result with %s", w.Code, got, want)
	}
}

func withoutCallID(s string) string {
	before, rest, ok := strings.Cut(s, `"call_id":"`)
	if !ok {
		return s
	}
	_, after, _ := strings.Cut(rest, `"`)
	return before + `"call_id":"CALL"` + after
}

func TestADeniedCallSaysSoAndTheOtherSessionIsAsked(t *testing.T) {
	h := newHouse(t)
	h.send(t, call("alice", "crm__delete_contact", `{}`))
	h.decide(t, "deny")
	got := read(t, h.send(t, call("alice", "crm__delete_contact", `{}`)).Body)
	if got.reason() != "approval_denied" || got.Result.Meta["state"] != "denied" {
		t.Errorf("got %+v; want approval_denied", got.Result)
	}
	if got := read(t, h.send(t, call("alice2", "crm__delete_contact", `{}`)).Body); got.reason() != "approval_required" {
		t.Errorf("got %q in another session; want approval_required", got.reason())
	}
}

func TestAnApprovedCallGoesThroughOnceAndOnlyWithItsArguments(t *testing.T) {
	h := newHouse(t)
	h.send(t, call("alice", "crm__delete_contact", `{"id":"1"}`))
	h.decide(t, "approve")
	for _, c := range []struct {
		n    note
		want string
	}{
		{call("alice", "crm__delete_contact", `{"id":"2"}`), "approval_required"},
		{call("alice2", "crm__delete_contact", `{"id":"1"}`), "approval_required"},
		{call("bob", "crm__delete_contact", `{"id":"1"}`), "approval_required"},
		{call("alice", "crm__delete_contact", `{"id":"1"}`), ""},
		{call("alice", "crm__delete_contact", `{"id":"1"}`), "approval_required"},
	} {
		if got := read(t, h.send(t, c.n).Body); got.reason() != c.want {
			t.Errorf("%s: got %q; want %q", c.n.body, got.reason(), c.want)
		}
	}
	if calls := h.upstreams.got(); len(calls) != 1 {
		t.Errorf("got %d upstream calls; want one", len(calls))
	}
}

func TestApprovalsNeedASignedInPerson(t *testing.T) {
	h := newHouse(t)
	h.wallet.public = &ostiary.Principal{
		Anonymous: true, Tier: ostiary.TierWrite, Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"*"},
	}
	if w := h.send(t, call("", "crm__delete_contact", `{}`)); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s; want 401", w.Code, w.Body)
	}
	if w := h.send(t, call("", "crm__get_contact", `{}`)); w.Code != http.StatusOK || len(h.upstreams.got()) != 1 {
		t.Errorf("got %d %s; want what the public may to go through", w.Code, w.Body)
	}
}

func TestATokenOfAnotherResourceIsNotGoodHere(t *testing.T) {
	h := newHouse(t)
	other := person("alice", "ses_other")
	other.Resources = []string{"/mcp"}
	h.wallet.tokens["other"] = other
	n := call("other", "get_contact", `{}`)
	n.path = "/crm/mcp"
	w := h.send(t, n)
	want := `Bearer resource_metadata="https://gate.example/.well-known/oauth-protected-resource/crm/mcp", scope="mcp:read", error="invalid_token"`
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != want {
		t.Errorf("got %d %s; want 401 %s", w.Code, w.Header().Get("WWW-Authenticate"), want)
	}
	list := stateless("other", "tools/list", "", "")
	list.path = "/crm/mcp"
	if w := h.send(t, list); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s of a list; want 401", w.Code, w.Body)
	}
	here := person("alice", "ses_other")
	here.Resources = []string{"/crm/mcp"}
	h.wallet.tokens["other"] = here
	if w := h.send(t, n); w.Code != http.StatusOK {
		t.Errorf("got %d %s; want 200", w.Code, w.Body)
	}
}

func TestAFaultOfIdentityLetsNobodyIn(t *testing.T) {
	h := newHouse(t)
	h.wallet.fault = errors.New("storage is full of secrets")
	w := h.send(t, call("alice", "crm__get_contact", `{}`))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secrets") || len(h.upstreams.got()) != 0 {
		t.Errorf("got %d %s; want 503 without internals, and no call", w.Code, w.Body)
	}
	if w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"_meta":{"code":"UNAVAILABLE","dev.ostiary/decision":{"reason":"unavailable"}}`) {
		t.Errorf("got %v %s; want when to try again, and why", w.Header(), w.Body)
	}
}

func TestATokenForAnotherEndpointIsToldOf(t *testing.T) {
	h := newHouse(t)
	narrow := person("alice", "ses_3")
	narrow.Resources = []string{"/mcp"}
	h.wallet.tokens["narrow"] = narrow
	for _, token := range []string{"narrow", "", "mallory", "alice"} {
		n := call(token, "get_contact", `{}`)
		n.path = "/crm/mcp"
		if w := h.send(t, n); (w.Code == http.StatusUnauthorized) == (token == "alice") {
			t.Errorf("%q: got %d %s", token, w.Code, w.Body)
		}
	}
	if got := h.wallet.elsewhere; !slices.Equal(got, []string{"narrow"}) {
		t.Errorf("got told of %q; want the one good token", got)
	}
}
