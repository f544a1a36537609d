package mcp_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// askingServer is an official server whose tool get_contact asks its client.
func askingServer(ask func(ctx context.Context, req *sdk.CallToolRequest) (any, error)) *sdk.Server {
	server := sdk.NewServer(&sdk.Implementation{Name: "curious", Version: "1"}, nil)
	sdk.AddTool(server, &sdk.Tool{Name: "get_contact"}, func(ctx context.Context, req *sdk.CallToolRequest, _ any) (*sdk.CallToolResult, any, error) {
		got, err := ask(ctx, req)
		if err != nil {
			return nil, nil, err
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: fmt.Sprint(got)}}}, nil, nil
	})
	return server
}

func withSessions(s *sdk.Server) http.Handler {
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, nil)
}

// answeringClient is an official client that answers all that it is asked.
func (l *lane) answeringClient(t *testing.T, version string) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "official", Version: "1"}, &sdk.ClientOptions{
		Capabilities: &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{Form: &sdk.FormElicitationCapabilities{}}},
		ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"name": "Alice, asked " + r.Params.Message}}, nil
		},
	})
	transport := &sdk.StreamableClientTransport{Endpoint: l.url + "/mcp", HTTPClient: &http.Client{Transport: bearer("alice")}}
	session, err := client.Connect(t.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect as of %s: %v", version, err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func callContact(t *testing.T, session *sdk.ClientSession) string {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__get_contact"})
	if err != nil || len(result.Content) != 1 {
		t.Fatalf("got %+v, %v; want a text", result, err)
	}
	return result.Content[0].(*sdk.TextContent).Text
}

func elicitName(ctx context.Context, req *sdk.CallToolRequest) (any, error) {
	got, err := req.Session.Elicit(ctx, &sdk.ElicitParams{
		Message: "for a name", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}}},
	})
	if err != nil {
		return nil, err
	}
	return got.Content["name"], nil
}

func TestAnOfficialServerAsksAnOfficialClient(t *testing.T) {
	l := newLane(t, withSessions(askingServer(elicitName)), everything)
	for _, version := range []string{"2025-11-25", "2025-06-18"} {
		if got, want := callContact(t, l.answeringClient(t, version)), "Alice, asked for a name"; got != want {
			t.Errorf("%s: got %q; want %q", version, got, want)
		}
	}
}
