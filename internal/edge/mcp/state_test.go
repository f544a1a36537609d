package mcp_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// asked makes a call that needs a yes with a client that can show links, and
// returns the state that it got.
func (h *house) asked(t testing.TB, token, arguments string) string {
	t.Helper()
	w := h.send(t, callWithURLs(token, "crm__delete_contact", arguments, ""))
	got := read(t, w.Body)
	if w.Code != http.StatusOK || got.Result.ResultType != "input_required" || got.Result.RequestState == "" {
		t.Fatalf("got %d %+v; want an input request with a state", w.Code, got)
	}
	return got.Result.RequestState
}

func again(token, name, arguments, state string) note {
	return callWithURLs(token, name, arguments, `,"requestState":"`+state+`","inputResponses":{"step":{"action":"accept"}}`)
}

func TestAClientThatCanShowALinkIsAskedToAndComesBack(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, callWithURLs("alice", "crm__delete_contact", `{"id":"1"}`, ""))
	r := h.pending(t)[0]
	want := `{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"step":{"method":"elicitation/create","params":{"mode":"url",` +
		`"message":"crm:delete_contact needs your approval before it runs.","url":"https://gate.example/approvals/` + r.ID + `"}}},"requestState":"`
	if !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("got %s; want %s…", w.Body, want)
	}
	got := read(t, w.Body)
	if got.Result.ResultType != "input_required" || got.reason() != "approval_required" {
		t.Errorf("got %+v; want input_required with the decision in _meta", got.Result)
	}
	h.decide(t, "approve")
	w = h.send(t, again("alice", "crm__delete_contact", `{"id":"1"}`, got.Result.RequestState))
	if calls := h.upstreams.got(); w.Code != http.StatusOK || len(calls) != 1 {
		t.Fatalf("got %d %s, %d calls; want the call to go through", w.Code, w.Body, len(calls))
	} else if strings.Contains(calls[0].Params, "requestState") || strings.Contains(calls[0].Params, "inputResponses") {
		t.Errorf("got %s; want nothing of ours to go upstream", calls[0].Params)
	}
	// The yes was for one use, however often the state comes.
	w = h.send(t, again("alice", "crm__delete_contact", `{"id":"1"}`, got.Result.RequestState))
	if got := read(t, w.Body); got.Result.ResultType != "input_required" || len(h.upstreams.got()) != 1 {
		t.Errorf("got %s; want another question and no second call", w.Body)
	}
}

func TestAStateIsGoodForItsHolderItsCallAndItsTimeOnly(t *testing.T) {
	for name, attack := range map[string]func(h *house, state string) note{
		"an invented state": func(_ *house, _ string) note { return again("alice", "crm__delete_contact", `{"id":"1"}`, "abc") },
		"an empty state":    func(_ *house, _ string) note { return again("alice", "crm__delete_contact", `{"id":"1"}`, "") },
		"an edited state":   func(_ *house, s string) note { return again("alice", "crm__delete_contact", `{"id":"1"}`, edited(s)) },
		"a state cut short": func(_ *house, s string) note { return again("alice", "crm__delete_contact", `{"id":"1"}`, s[:20]) },
		"another person":    func(_ *house, s string) note { return again("bob", "crm__delete_contact", `{"id":"1"}`, s) },
		"another session":   func(_ *house, s string) note { return again("alice2", "crm__delete_contact", `{"id":"1"}`, s) },
		"other arguments":   func(_ *house, s string) note { return again("alice", "crm__delete_contact", `{"id":"2"}`, s) },
		"another tool":      func(_ *house, s string) note { return again("alice", "crm__get_contact", `{"id":"1"}`, s) },
		"too late": func(h *house, s string) note {
			h.clock.move(15 * time.Minute)
			return again("alice", "crm__delete_contact", `{"id":"1"}`, s)
		},
		"another's session id": func(h *house, _ string) note {
			n := h.begin(h.book.t, "alice", "2025-11-25", `{}`)
			return again("alice", "crm__delete_contact", `{"id":"1"}`, n.header["Mcp-Session-Id"])
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.book.t = t
			n := attack(h, h.asked(t, "alice", `{"id":"1"}`))
			if len(h.pending(t)) == 1 {
				h.decide(t, "approve")
			}
			w := h.send(t, n)
			got := read(t, w.Body)
			if w.Code != http.StatusBadRequest || code(got) != -32602 || !strings.HasPrefix(got.Error.Message, "requestState: ") {
				t.Errorf("got %d %s; want a clear error", w.Code, w.Body)
			}
			if calls := h.upstreams.got(); len(calls) != 0 {
				t.Errorf("got %d calls; want none", len(calls))
			}
		})
	}
}

// resealed is a state with another kind, as another part of the gateway could
// seal one; with the kind it has it is the state itself.
func (h *house) resealed(t testing.TB, state, kind string) string {
	t.Helper()
	block, err := aes.NewCipher(h.db.DeriveKey("request state"))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(state)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := seal.Open(nil, nil, raw, []byte("request state"))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(plain, &members); err != nil {
		t.Fatal(err)
	}
	if members["kind"] = kind; kind == "" {
		delete(members, "kind")
	}
	if plain, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(seal.Seal(nil, nil, plain, []byte("request state")))
}

func TestAStateIsGoodForWhatItWasMadeForOnly(t *testing.T) {
	for kind, status := range map[string]int{"step": 200, "": 400, "upstream": 400, "Step": 400} {
		h := newHouse(t)
		state := h.asked(t, "alice", `{"id":"1"}`)
		h.decide(t, "approve")
		w := h.send(t, again("alice", "crm__delete_contact", `{"id":"1"}`, h.resealed(t, state, kind)))
		if w.Code != status || len(h.upstreams.got()) != map[int]int{200: 1}[status] {
			t.Errorf("kind %q: got %d %s; want %d", kind, w.Code, w.Body, status)
		}
	}
}

// An upstream may name an input of its own "step" too.
func TestAnInputThatNobodyAskedForDeclinesNothing(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, callWithURLs("alice", "crm__delete_contact", `{"id":"1"}`, `,"inputResponses":{"step":{"action":"decline"}}`))
	if got := read(t, w.Body); got.Result.ResultType != "input_required" {
		t.Errorf("got %s; want the step", w.Body)
	}
}

func TestAStateOpensOnEveryInstanceAndSaysNothing(t *testing.T) {
	h := newHouse(t)
	state := h.asked(t, "alice", `{"id":"1"}`)
	if strings.Contains(state, "alice") || strings.Contains(state, h.pending(t)[0].ID) {
		t.Errorf("got the state %q; want it sealed", state)
	}
	h.decide(t, "approve")
	w := h.another(t).send(t, again("alice", "crm__delete_contact", `{"id":"1"}`, state))
	if w.Code != http.StatusOK || len(h.upstreams.got()) != 1 {
		t.Errorf("got %d %s; want the call to go through", w.Code, w.Body)
	}
}

func TestNothingThatTheModelCanSendApproves(t *testing.T) {
	h := newHouse(t)
	state := h.asked(t, "alice", `{"id":"1"}`)
	for _, response := range []string{
		`{"step":{"action":"accept","content":{"approved":true}}}`, `{"step":{"action":"approve"}}`, `{}`,
		`{"step":{"action":"accept","_meta":{"dev.ostiary/decision":{"effect":"pass"}}}}`,
	} {
		h.send(t, callWithURLs("alice", "crm__delete_contact", `{"id":"1"}`, `,"requestState":"`+state+`","inputResponses":`+response))
	}
	if calls := h.upstreams.got(); len(calls) != 0 || len(h.pending(t)) != 1 {
		t.Errorf("got %d calls, %d requests; want none and the one", len(calls), len(h.pending(t)))
	}
}

func TestAPersonWhoDeclinesTheLinkIsNotShownItAgain(t *testing.T) {
	h := newHouse(t)
	state := h.asked(t, "alice", `{"id":"1"}`)
	w := h.send(t, callWithURLs("alice", "crm__delete_contact", `{"id":"1"}`, `,"requestState":"`+state+`","inputResponses":{"step":{"action":"decline"}}`))
	got := read(t, w.Body)
	if got.Result.ResultType != "complete" || !got.Result.IsError || got.reason() != "approval_required" {
		t.Errorf("got %s; want the text with the link", w.Body)
	}
}

func TestAnOlderClientThatCanShowALinkGetsTheErrorForIt(t *testing.T) {
	h := newHouse(t)
	remove := `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"crm__delete_contact","arguments":{}}}`
	w := h.send(t, h.begin(t, "alice", "2025-11-25", urls).with(remove))
	r := h.pending(t)[0]
	want := `{"jsonrpc":"2.0","id":3,"error":{"code":-32042,"message":"crm:delete_contact needs your approval before it runs.","data":{"elicitations":[` +
		`{"mode":"url","url":"https://gate.example/approvals/` + r.ID + `","message":"crm:delete_contact needs your approval before it runs.","elicitationId":"` + r.ID + `"}],"_meta":{"code":"APPROVAL_REQUIRED"`
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("got %d %s; want %s…", w.Code, w.Body, want)
	}
	for name, n := range map[string]note{
		"forms only":        h.begin(t, "alice", "2025-11-25", `{"elicitation":{}}`),
		"nothing":           h.begin(t, "alice", "2025-11-25", `{}`),
		"an older revision": h.begin(t, "alice", "2025-06-18", urls),
	} {
		if got := read(t, h.send(t, n.with(remove)).Body); got.Error != nil || got.reason() != "approval_required" {
			t.Errorf("%s: got %+v; want a result with the link", name, got)
		}
	}
}
