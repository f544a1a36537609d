package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type ctx = context.Context

func record(h *house, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w
}

// A note is one HTTP request of a test.
type note struct {
	method string // "" is POST
	path   string // "" is /mcp
	token  string // "" none
	header map[string]string
	body   string
}

func (n note) request(ctx context.Context) *http.Request {
	if n.method == "" {
		n.method = http.MethodPost
	}
	if n.path == "" {
		n.path = "/mcp"
	}
	r := httptest.NewRequestWithContext(ctx, n.method, "https://gate.example"+n.path, strings.NewReader(n.body))
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token)
	}
	for name, value := range n.header {
		r.Header.Set(name, value)
	}
	return r
}

func (i *instance) send(t testing.TB, n note) *httptest.ResponseRecorder {
	t.Helper()
	return i.sendIn(t.Context(), n)
}

func (i *instance) sendIn(ctx context.Context, n note) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, n.request(ctx))
	return w
}

// stateless makes a request of 2026-07-28 with what that takes around its
// params, which are the members of an object.
func stateless(token, method, name, params string) note {
	return declaring("{}", token, method, name, params)
}

// declaring is stateless for a client with capabilities.
func declaring(capabilities, token, method, name, params string) note {
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":` + capabilities + `}`
	if params != "" {
		params += ","
	}
	header := map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
	if name != "" {
		header["Mcp-Name"] = name
	}
	return note{token: token, header: header, body: `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + meta + `}}`}
}

// call is a stateless tools/call.
func call(token, name, arguments string) note {
	return stateless(token, "tools/call", name, `"name":"`+name+`","arguments":`+arguments)
}

// urls are the capabilities of a client that can show links.
const urls = `{"elicitation":{"url":{}}}`

func callWithURLs(token, name, arguments, more string) note {
	return declaring(urls, token, "tools/call", name, `"name":"`+name+`","arguments":`+arguments+more)
}

// begin opens a transport session and returns the note that all later ones
// are made of.
func (i *instance) begin(t testing.TB, token, version, capabilities string) note {
	t.Helper()
	w := i.send(t, note{token: token, body: `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":` + capabilities + `,"clientInfo":{"name":"t","version":"1"}}}`})
	if w.Code != http.StatusOK {
		t.Fatalf("initialize: got %d %s; want 200", w.Code, w.Body)
	}
	return note{token: token, header: map[string]string{"Mcp-Session-Id": w.Header().Get("Mcp-Session-Id"), "Mcp-Protocol-Version": version}}
}

func (n note) with(body string) note {
	n.body = body
	return n
}

func (n note) saying(name, value string) note {
	header := map[string]string{name: value}
	for k, v := range n.header {
		if k != name {
			header[k] = v
		}
	}
	n.header = header
	return n
}

// A said is a response, taken apart.
type said struct {
	ID     json.RawMessage
	Result struct {
		Content       []struct{ Text string }
		IsError       bool
		ResultType    string
		InputRequests map[string]json.RawMessage
		RequestState  string
		Meta          map[string]any `json:"_meta"`
		Tools         []struct{ Name string }
		NextCursor    string
	}
	Error *struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
}

func read(t testing.TB, body io.Reader) said {
	t.Helper()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	var s said
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&s); err != nil {
		t.Fatalf("read the answer %q: %v", raw, err)
	}
	return s
}

// reason is the reason of a refusal; "" of what is none.
func (s said) reason() string {
	decision, _ := s.Result.Meta["dev.ostiary/decision"].(map[string]any)
	reason, _ := decision["reason"].(string)
	return reason
}
