package mcp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

func TestBadInputIsRefusedBeforeAnyDecision(t *testing.T) {
	good := call("alice", "crm__get_contact", `{"id":"1"}`)
	changed := func(old, new string) note { return good.with(strings.Replace(good.body, old, new, 1)) }
	for name, c := range map[string]struct {
		n      note
		status int
		code   int
	}{
		"no JSON":                 {good.with(`{"jsonrpc"`), 400, -32700},
		"an empty body":           {good.with(``), 400, -32700},
		"a second value":          {good.with(good.body + `{}`), 400, -32700},
		"invalid UTF-8":           {changed(`"1"`, "\"\xff\""), 400, -32700},
		"a duplicate key":         {changed(`"id":"1"`, `"id":"1","id":"2"`), 400, -32600},
		"a twin of an argument":   {changed(`"id":"1"`, `"ID":"1"`), 400, -32600},
		"a twin of the site":      {changed(`"id":"1"`, `"SITEID":"1"`), 400, -32600},
		"a twin in the envelope":  {changed(`"method"`, `"Method":"ping","method"`), 400, -32600},
		"a twin in _meta":         {changed(`"_meta":{`, `"_meta":{"Dev.ostiary/trace":true,`), 400, -32600},
		"65 levels":               {changed(`"1"`, strings.Repeat("[", 65)+strings.Repeat("]", 65)), 400, -32600},
		"a batch":                 {good.with(`[` + good.body + `]`), 400, -32600},
		"no method":               {good.with(`{"jsonrpc":"2.0","id":1}`), 400, -32600},
		"id null":                 {changed(`"id":1,`, `"id":null,`), 400, -32600},
		"arguments no object":     {changed(`{"id":"1"}`, `[]`), 400, -32602},
		"a method not there":      {stateless("alice", "tools/delete", "", ""), 404, -32601},
		"initialize in between":   {stateless("alice", "logging/setLevel", "", ""), 404, -32601},
		"a name header missing":   {without(good, "Mcp-Name"), 400, -32020},
		"a method header missing": {without(good, "Mcp-Method"), 400, -32020},
		"a version missing":       {without(good, "Mcp-Protocol-Version"), 400, -32020},
		"another name":            {good.saying("Mcp-Name", "crm__delete_contact"), 400, -32020},
		"another method":          {good.saying("Mcp-Method", "tools/list"), 400, -32020},
		"another version":         {good.saying("Mcp-Protocol-Version", "2025-11-25"), 400, -32020},
		"an unknown version": {
			note{token: "alice", header: map[string]string{"Mcp-Protocol-Version": "2031-01-01", "Mcp-Method": "tools/list"}, body: strings.ReplaceAll(stateless("alice", "tools/list", "", "").body, "2026-07-28", "2031-01-01")},
			400, -32022,
		},
		"too large":               {changed(`"1"`, `"`+strings.Repeat("x", 5000)+`"`), 413, -32600},
		"another content type":    {good.saying("Content-Type", "text/plain"), 415, -32600},
		"another charset":         {good.saying("Content-Type", "application/json; charset=utf-16"), 415, -32600},
		"an encoding":             {good.saying("Content-Encoding", "gzip"), 415, -32600},
		"a client without JSON":   {good.saying("Accept", "text/html"), 406, -32600},
		"a response":              {without(without(good, "Mcp-Name"), "Mcp-Method").with(`{"jsonrpc":"2.0","id":1,"result":{}}`), 400, -32600},
		"a strange origin":        {good.saying("Origin", "https://evil.example"), 403, -32600},
		"no origin to speak of":   {good.saying("Origin", "null"), 403, -32600},
		"another scheme's origin": {good.saying("Origin", "http://gate.example"), 403, -32600},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			w := h.send(t, c.n)
			got := read(t, w.Body)
			if w.Code != c.status || code(got) != c.code || got.Error.Message == "" {
				t.Errorf("got %d %+v; want %d with code %d", w.Code, got.Error, c.status, c.code)
			}
			if calls := h.upstreams.got(); len(calls) != 0 || len(h.book.entries) != 0 {
				t.Errorf("got calls %+v and %d records; want none", calls, len(h.book.entries))
			}
		})
	}
}

func TestATwinIsNamedWithItsWholePath(t *testing.T) {
	h := newHouse(t)
	got := read(t, h.send(t, call("alice", "crm__get_contact", `{"ID":"1"}`)).Body)
	if got.Error == nil || !strings.Contains(got.Error.Message, "$.params.arguments.ID") {
		t.Errorf("got %+v; want the path in the message", got.Error)
	}
}

func without(n note, name string) note {
	n = n.saying(name, "")
	delete(n.header, name)
	return n
}

func TestInputThatIsOnlyUnusualGoesThrough(t *testing.T) {
	good := call("alice", "crm__get_contact", `{"id":"1"}`)
	for name, n := range map[string]note{
		"as it is":            good,
		"a charset":           good.saying("Content-Type", "application/json; charset=UTF-8"),
		"any type":            good.saying("Accept", "*/*"),
		"JSON alone":          good.saying("Accept", "application/json;q=0.9"),
		"our own origin":      good.saying("Origin", "https://gate.example"),
		"an allowed origin":   good.saying("Origin", "https://chat.example"),
		"64 levels":           good.with(strings.Replace(good.body, `"1"`, strings.Repeat("[", 60)+strings.Repeat("]", 60), 1)),
		"unknown keys":        good.with(strings.Replace(good.body, `"method"`, `"extra":{"id":null},"method"`, 1)),
		"a name in base64":    good.saying("Mcp-Name", "=?base64?Y3JtX19nZXRfY29udGFjdA==?="),
		"a lower case scheme": good.saying("Authorization", "bearer alice"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if w := h.send(t, n); w.Code != http.StatusOK || len(h.upstreams.got()) != 1 {
				t.Errorf("got %d %s; want 200", w.Code, w.Body)
			}
		})
	}
}

func TestAHeaderThatIsThereTwiceIsRefused(t *testing.T) {
	for _, name := range []string{"Mcp-Name", "Mcp-Method", "Mcp-Protocol-Version", "Authorization", "Content-Type", "Origin"} {
		h := newHouse(t)
		r := call("alice", "crm__get_contact", `{}`).request(t.Context())
		if name == "Origin" {
			r.Header.Set(name, "https://gate.example")
		}
		r.Header.Add(name, r.Header.Get(name))
		w := record(h, r)
		if w.Code < 400 || len(h.upstreams.got()) != 0 {
			t.Errorf("%s: got %d %s; want a refusal", name, w.Code, w.Body)
		}
	}
}

func TestHeadersThatRepeatArgumentsMustAgreeWithThem(t *testing.T) {
	h := newHouse(t)
	h.upstreams.lists["notes"] = upstream.Lists{Tools: items(`{"name":"get_note","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`)}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := call("alice", "notes__get_note", `{"region":"eu"}`)
	for name, n := range map[string]note{"missing": good, "another": good.saying("Mcp-Param-Region", "us")} {
		if w := h.send(t, n); w.Code != http.StatusBadRequest || code(read(t, w.Body)) != -32020 || len(h.upstreams.got()) != 0 {
			t.Errorf("%s: got %d %s; want a mismatch", name, w.Code, w.Body)
		}
	}
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	older := session.with(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"notes__get_note","arguments":{"region":"eu"}}}`)
	for name, n := range map[string]note{"the same": good.saying("Mcp-Param-Region", "eu"), "an era without": older} {
		if w := h.send(t, n); w.Code != http.StatusOK {
			t.Errorf("%s: got %d %s; want 200", name, w.Code, w.Body)
		}
	}
}

func TestACallWithoutIDNeverRuns(t *testing.T) {
	h := newHouse(t)
	good := call("alice", "crm__get_contact", `{}`)
	w := h.send(t, good.with(strings.Replace(good.body, `"id":1,`, ``, 1)))
	if w.Code != http.StatusAccepted || w.Body.Len() != 0 || len(h.upstreams.got()) != 0 {
		t.Errorf("got %d %q, %d calls; want 202 and nothing done", w.Code, w.Body, len(h.upstreams.got()))
	}
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	w = h.send(t, session.with(`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`))
	if w.Code != http.StatusAccepted || len(h.upstreams.got()) != 0 {
		t.Errorf("got %d, %d calls; want 202 and nothing done", w.Code, len(h.upstreams.got()))
	}
}

func TestOnlyStandaloneAppsHaveAnEndpoint(t *testing.T) {
	for path, status := range map[string]int{"/crm/mcp": 200, "/notes/mcp": 404, "/nobody/mcp": 404, "/mcp/mcp": 404} {
		h := newHouse(t)
		n := call("alice", "get_contact", `{}`)
		n.path = path
		w := h.send(t, n)
		if w.Code != status || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %s; want %d in JSON", path, w.Code, w.Body, status)
		}
	}
}

func TestAtAnAppAloneOnlyBareNamesWork(t *testing.T) {
	h := newHouse(t)
	for name, works := range map[string]bool{"get_contact": true, "crm__get_contact": false, "crm:get_contact": false, "notes__get_note": false, "get_note": false} {
		n := call("alice", name, `{}`)
		n.path = "/crm/mcp"
		if got := code(read(t, h.send(t, n).Body)) == 0; got != works {
			t.Errorf("%s: got %v; want %v", name, got, works)
		}
	}
}

func TestAPanicIsAnAnswerWithoutInternalsAndIsRecorded(t *testing.T) {
	h := newHouse(t)
	h.upstreams.answers(func(_ ctx, _ sent, _ func([]byte)) (upstream.Reply, error) { panic("the secret is 42") })
	w := h.send(t, call("alice", "crm__get_contact", `{}`))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "42") {
		t.Errorf("got %d %s; want 500 without internals", w.Code, w.Body)
	}
	if got := h.book.outcomes(); len(got) != 1 || got[0] != "unknown" {
		t.Errorf("got outcomes %v; want unknown", got)
	}
	h.upstreams.answers(nil)
	if w := h.send(t, call("alice", "crm__get_contact", `{}`)); w.Code != http.StatusOK {
		t.Errorf("got %d; want the next call to go through", w.Code)
	}
}

func TestAPanicAfterTheFirstEventEndsTheStream(t *testing.T) {
	h := newHouse(t)
	h.upstreams.answers(func(_ ctx, _ sent, notify func([]byte)) (upstream.Reply, error) {
		notify([]byte(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}`))
		panic("the secret is 42")
	})
	n := call("alice", "crm__get_contact", `{}`)
	w := h.send(t, n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"progressToken":7,`, 1)))
	if strings.Count(w.Body.String(), "data:") != 1 || strings.Contains(w.Body.String(), "42") {
		t.Errorf("got %s; want the event and no internals", w.Body)
	}
}

func TestOtherMethodsOfHTTPAreNotAllowed(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, note{method: "PUT", token: "alice"})
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("got %d; want 405 with Allow", w.Code)
	}
	if w := h.send(t, note{method: "GET", token: "alice", header: map[string]string{"Mcp-Protocol-Version": "2026-07-28"}}); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d; want 405 for GET in the stateless era", w.Code)
	}
}

func TestABrowserOfAnAllowedOriginLearnsWhatItMaySend(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, note{method: "OPTIONS", header: map[string]string{"Origin": "https://chat.example"}})
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "https://chat.example" {
		t.Errorf("got %d %v; want 204 for the origin", w.Code, w.Header())
	}
	if w := h.send(t, note{method: "OPTIONS", header: map[string]string{"Origin": "https://evil.example"}}); w.Code != http.StatusForbidden {
		t.Errorf("got %d; want 403", w.Code)
	}
}
