package testparts

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const modern = "2026-07-28"

func TestTheClientTalksToTheOfficialServer(t *testing.T) {
	client := connectClient(t, ClientOptions{URL: Everything(t)})
	if got, want := client.Version(), "2025-11-25"; got != want {
		t.Errorf("version: got %q, want %q", got, want)
	}
	result, err := client.Do(t, "callTool", map[string]any{
		"name": "echo", "arguments": map[string]any{"message": "knock"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(result), "knock") {
		t.Errorf("echo: got %s, want knock in it", result)
	}
}

func TestTheClientTalksTheModernEra(t *testing.T) {
	client := connectClient(t, ClientOptions{URL: greeter(t), Version: modern})
	if got := client.Version(); got != modern {
		t.Errorf("version: got %q, want %q", got, modern)
	}
	result, err := client.Do(t, "callTool", map[string]any{"name": "greet"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(result), "good evening") {
		t.Errorf("greet: got %s, want good evening in it", result)
	}
}

func TestTheClientShowsWhatWasElicited(t *testing.T) {
	var asked Elicitation
	client := connectClient(t, ClientOptions{URL: greeter(t), Version: modern, OnElicit: func(e Elicitation) string {
		asked = e
		return "accept"
	}})
	result, err := client.Do(t, "callTool", map[string]any{"name": "knock"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://127.0.0.1/door"; asked.URL != want {
		t.Errorf("elicited: got %q, want %q", asked.URL, want)
	}
	if !strings.Contains(string(result), "accept") {
		t.Errorf("knock: got %s, want the answer accept in it", result)
	}
}

func TestAnErrorOfTheServerReachesTheTest(t *testing.T) {
	client := connectClient(t, ClientOptions{URL: greeter(t), Version: modern})
	_, err := client.Do(t, "callTool", map[string]any{"name": "no-such-tool"})
	var thrown *ClientError
	if !errors.As(err, &thrown) || thrown.Code != "-32602" {
		t.Errorf("got %v, want code -32602", err)
	}
}

func TestAClientThatIsNotLetInSaysSo(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer wrong" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(door.Close)
	_, err := Connect(t, ClientOptions{URL: door.URL, Headers: map[string]string{"Authorization": "Bearer wrong"}})
	var thrown *ClientError
	if !errors.As(err, &thrown) {
		t.Errorf("got %v, want what the client threw", err)
	}
}

func connectClient(t *testing.T, options ClientOptions) *Client {
	t.Helper()
	client, err := Connect(t, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// greeter serves two tools in the modern era: greet, and knock, which asks
// the person to open a page first.
func greeter(t *testing.T) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "greeter", Version: "1"}, nil)
	schema := json.RawMessage(`{"type":"object"}`)
	server.AddTool(&mcp.Tool{Name: "greet", InputSchema: schema}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return text("good evening"), nil
	})
	server.AddTool(&mcp.Tool{Name: "knock", InputSchema: schema}, knock)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	site := httptest.NewServer(handler)
	t.Cleanup(site.Close)
	return site.URL
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

// knock asks once and then tells what the person answered.
func knock(_ context.Context, call *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if answer, ok := call.Params.InputResponses["door"].(*mcp.ElicitResult); ok {
		return text(answer.Action), nil
	}
	door := &mcp.ElicitParams{Mode: "url", Message: "Open the door", URL: "http://127.0.0.1/door", ElicitationID: "door-1"}
	return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"door": door}}, nil
}
