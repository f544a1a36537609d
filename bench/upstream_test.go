package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestTheUpstreamServesTheOfficialClientInBothEras(t *testing.T) {
	for _, era := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(era, func(t *testing.T) {
			front := httptest.NewServer(new(upstream).handler())
			defer front.Close()
			client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
			session, err := client.Connect(t.Context(),
				&mcp.StreamableClientTransport{Endpoint: front.URL + "/mcp"},
				&mcp.ClientSessionOptions{ProtocolVersion: era})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			if got := session.InitializeResult().ProtocolVersion; got != era {
				t.Errorf("version: got %s, want %s", got, era)
			}
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || len(list.Tools) != listed+1 {
				t.Fatalf("tools: got error %v, or not %d of them", err, listed+1)
			}
			for _, size := range []int{len(endOfResult), 64, 4096, chunkSize + 100, 1 << 20} {
				checkResult(t, session, size)
			}
		})
	}
}

func checkResult(t *testing.T, session *mcp.ClientSession, size int) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"bytes": size}})
	if err != nil {
		t.Fatalf("%d bytes: %v", size, err)
	}
	text := result.Content[0].(*mcp.TextContent).Text
	if len(text) != size || !strings.HasSuffix(text, endOfResult) {
		t.Errorf("result: got %d bytes ending in %.20q, want %d ending in %q",
			len(text), text[max(0, len(text)-20):], size, endOfResult)
	}
}

func TestTheUpstreamRefusesWhatItDoesNotKnow(t *testing.T) {
	u := new(upstream)
	for _, test := range []struct {
		method, body, want string
		status             int
	}{
		{"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"bytes":1}}}`, "-32602", 200},
		{"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"bytes":99999999}}}`, "-32602", 200},
		{"POST", `{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, "-32601", 200},
		{"POST", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", 202},
		{"POST", `{"jsonrpc":"2.0","id":1}`, "no method", 400},
		{"POST", `not JSON`, "parse", 400},
		{"POST", strings.Repeat(" ", maxRequest+1), "read", 400},
		{"GET", ``, "only POST", 405},
		{"DELETE", ``, "only POST", 405},
	} {
		recorder := httptest.NewRecorder()
		u.handler().ServeHTTP(recorder, httptest.NewRequest(test.method, "/mcp", strings.NewReader(test.body)))
		if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.want) {
			t.Errorf("%s %.80s: got %d %q, want %d with %q", test.method, test.body,
				recorder.Code, recorder.Body, test.status, test.want)
		}
	}
	if got, want := fmt.Sprint(u.requests.Load()), "9"; got != want {
		t.Errorf("requests counted: got %s, want %s", got, want)
	}
}

func TestTheCountItselfIsNotCounted(t *testing.T) {
	u := new(upstream)
	for range 2 {
		recorder := httptest.NewRecorder()
		u.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/requests", nil))
		if got := recorder.Body.String(); got != "0" {
			t.Errorf("count: got %s, want 0", got)
		}
	}
}
