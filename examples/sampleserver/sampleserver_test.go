package sampleserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/sampleserver"
)

func TestEachEraGetsTheVersionItAskedFor(t *testing.T) {
	for _, version := range []string{"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			session := connect(t, serve(t, new(sampleserver.Calls)), version)
			if got := session.InitializeResult().ProtocolVersion; got != version {
				t.Errorf("negotiated version: got %s, want %s", got, version)
			}
			if got, want := session.ID() != "", version < "2026-07-28"; got != want {
				t.Errorf("has a transport session: got %t, want %t", got, want)
			}
		})
	}
}

func TestAVersionNobodyKnowsIsRefused(t *testing.T) {
	url := serve(t, new(sampleserver.Calls))
	for _, version := range []string{"1999-01-01", "2099-01-01"} {
		resp := post(t, url, map[string]string{"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"})
		if got, want := resp.StatusCode, http.StatusBadRequest; got != want {
			t.Errorf("version %s: got status %d, want %d", version, got, want)
		}
	}
}

func TestAnotherSitesBrowserPageIsRefused(t *testing.T) {
	url := serve(t, new(sampleserver.Calls))
	resp := post(t, url, map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
	if got, want := resp.StatusCode, http.StatusForbidden; got != want {
		t.Errorf("cross-site request: got status %d, want %d", got, want)
	}
}

func TestCallsAreCountedInBothErasAndUnknownToolsAreNot(t *testing.T) {
	calls := new(sampleserver.Calls)
	url := serve(t, calls)
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		session := connect(t, url, version)
		for _, tool := range []string{"greet", "nonsense"} {
			_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool})
			if got, want := err != nil, tool == "nonsense"; got != want {
				t.Errorf("%s in %s: got error %v, want one: %t", tool, version, err, want)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"greet": 2}, calls.All()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := calls.Of("greet"); got != 2 {
		t.Errorf("calls of greet: got %d, want 2", got)
	}
}

func TestCountsAreServedAsJSON(t *testing.T) {
	recorder := httptest.NewRecorder()
	new(sampleserver.Calls).ServeHTTP(recorder, httptest.NewRequest("GET", "/calls", nil))
	var got map[string]int
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
		t.Fatalf("body %q: %v", recorder.Body, err)
	}
	if len(got) != 0 {
		t.Errorf("counts before any call: got %v, want none", got)
	}
}

func TestListsAreMarkedPrivate(t *testing.T) {
	session := connect(t, serve(t, new(sampleserver.Calls)), "2026-07-28")
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := list.CacheScope, "private"; got != want {
		t.Errorf("cache scope: got %q, want %q", got, want)
	}
}

func TestRunSaysWhereItIsReadyAndStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- sampleserver.Run(ctx, "127.0.0.1:0", http.NotFoundHandler(), write) }()

	line := make([]byte, 64)
	n, err := read.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url, ok := bytes.CutPrefix(bytes.TrimSpace(line[:n]), []byte("ready "))
	if !ok {
		t.Fatalf("first line: got %q, want ready and a URL", line[:n])
	}
	resp, err := http.Get(string(url))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Errorf("after the stop: got %v, want no error", err)
	}
}

func TestRunNamesAnAddressInUse(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	addr := taken.Listener.Addr().String()
	err := sampleserver.Run(t.Context(), addr, http.NotFoundHandler(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("address in use: got %v, want an error naming %s", err, addr)
	}
}

// serve starts a server with the one tool greet and returns its URL.
func serve(t *testing.T, calls *sampleserver.Calls) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, sampleserver.Options(""))
	server.AddReceivingMiddleware(calls.Middleware)
	mcp.AddTool(server, &mcp.Tool{Name: "greet"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return nil, "hello", nil
		})
	front := httptest.NewServer(sampleserver.Handler(server))
	t.Cleanup(front.Close)
	return front.URL
}

func connect(t *testing.T, url, version string) *mcp.ClientSession {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: url, DisableStandaloneSSE: true},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect with %s: %v", version, err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("close the session: %v", err)
		}
	})
	return session
}

func post(t *testing.T, url string, header map[string]string) *http.Response {
	t.Helper()
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
