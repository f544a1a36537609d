package mcp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

func TestWhatAnEraDoesNotHaveIsNotFoundWhateverItsParams(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{
		"ping", "initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/result", "tasks/list", "no/such",
	} {
		for _, params := range []string{"", `"uri":"crm://contacts"`, `"uri":7`, `"taskId":"","level":"loud"`} {
			n := stateless("alice", method, "", params)
			if strings.HasPrefix(params, `"uri":"`) && strings.HasPrefix(method, "resources/") {
				n = n.saying("Mcp-Name", "crm://contacts")
			}
			w := h.send(t, n)
			want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found: ` + method + `"}}`
			if w.Code != http.StatusNotFound || w.Body.String() != want {
				t.Errorf("%s {%s}: got %d %s; want 404 %s", method, params, w.Code, w.Body, want)
			}
		}
	}
	if w := h.send(t, stateless("alice", "server/discover", "", "")); w.Code != http.StatusOK {
		t.Errorf("got %d %s for what the era has; want 200", w.Code, w.Body)
	}
}

func TestAnUnknownResourceIsNamedAndAHiddenOneLooksTheSame(t *testing.T) {
	h := newHouse(t)
	with := crmLists()
	with.Resources = append(with.Resources, items(`{"uri":"crm://salaries","name":"salaries"}`)...)
	h.relist(t, "crm", with)
	for uri, status := range map[string]int{"crm://contacts": 200, "crm://none": 400, "crm://salaries": 400, `crm://"q"`: 400} {
		quoted := strings.ReplaceAll(uri, `"`, `\"`)
		w := h.send(t, stateless("alice", "resources/read", uri, `"uri":"`+quoted+`"`))
		want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown resource: ` + quoted + `","data":{"uri":"` + quoted + `"}}}`
		if w.Code != status || status != http.StatusOK && w.Body.String() != want {
			t.Errorf("%s: got %d %s; want %d %s", uri, w.Code, w.Body, status, want)
		}
	}
	w := h.send(t, stateless("accountant", "resources/read", "crm://salaries", `"uri":"crm://salaries"`))
	if w.Code != http.StatusOK {
		t.Errorf("got %d %s for who may know of it; want 200", w.Code, w.Body)
	}
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	w = h.send(t, session.with(`{"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":"crm://salaries"}}`))
	if got := read(t, w.Body); w.Code != http.StatusOK || got.Error == nil || got.Error.Code != wire.CodeResourceNotFound {
		t.Errorf("got %d %+v in a session; want that era's code", w.Code, got)
	}
	w = h.send(t, stateless("alice", "prompts/get", "crm__none", `"name":"crm__none"`))
	if got := read(t, w.Body); got.Error == nil || got.Error.Data != nil {
		t.Errorf("got %+v for a prompt; want no data", got)
	}
}

func TestATaskIsNotAskedForUpstream(t *testing.T) {
	h := newHouse(t)
	var params string
	h.upstreams.answers(func(_ ctx, s sent, _ func([]byte)) (upstream.Reply, error) {
		params = s.Params
		return upstream.Reply{Result: []byte("{}"), Era: "2025-11-25"}, nil
	})
	n := h.begin(t, "alice", "2025-11-25", `{}`)
	h.send(t, n.with(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"task":{"ttl":60000},"name":"crm__get_contact","arguments":{"task":{"ttl":1}}}}`))
	if want := `{"name":"get_contact","arguments":{"task":{"ttl":1}}}`; params != want {
		t.Errorf("got %s upstream; want %s", params, want)
	}
}

func TestABrowserMaySendWhatClientsSend(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, note{method: http.MethodOptions, header: map[string]string{
		"Origin": "https://chat.example", "Access-Control-Request-Headers": "authorization, mcp-param-region,X-Other, Mcp-Param-Dry",
	}})
	got := w.Header().Get("Access-Control-Allow-Headers")
	for name, allowed := range map[string]bool{
		"Authorization": true, "Last-Event-ID": true, "Mcp-Session-Id": true, "mcp-param-region": true, "Mcp-Param-Dry": true, "X-Other": false,
	} {
		if strings.Contains(got, name) != allowed {
			t.Errorf("got %s; %s allowed: want %v", got, name, allowed)
		}
	}
}
