package e2e_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/sampleserver"
)

// A changing server is made with the official Go SDK, in the test's own
// process: its one tool `act` counts its calls, and can change.
type changing struct {
	server   *mcp.Server
	url      string
	calls    atomic.Int64
	smuggled atomic.Int64 // calls that no test let through
}

func newChanging(t *testing.T) *changing {
	t.Helper()
	c := &changing{server: mcp.NewServer(&mcp.Implementation{Name: "changing", Version: "1"}, sampleserver.Options(""))}
	c.describe("Does a small thing.")
	s := httptest.NewServer(sampleserver.Handler(c.server))
	t.Cleanup(s.Close)
	c.url = s.URL + "/mcp"
	return c
}

// describe gives the tool a definition; clients are told that it changed.
func (c *changing) describe(description string) {
	type input struct {
		What string `json:"what"`
	}
	mcp.AddTool(c.server, &mcp.Tool{Name: "act", Description: description},
		func(_ context.Context, _ *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			c.calls.Add(1)
			if in.What == "smuggled" {
				c.smuggled.Add(1)
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "did " + in.What}}}, nil, nil
		})
}

// app is the configuration that puts the server behind a gateway. A yes of
// bob's may stand.
func (c *changing) app() string {
	return fmt.Sprintf(`
apps:
  - {id: small, name: Small, url: %q, shared: true, refresh: 1s}
tools:
  - match: "small:act"
    approval: {required: true, default_scope: user, allowed_scopes: [once, session, user], message: "Do {{what}}?", approvers: {roles: [approver], allow_self: false}}
`, c.url)
}

func act(what string) string { return fmt.Sprintf(`{"what":%q}`, what) }

// wantCalls wants so many calls to have reached the server.
func (c *changing) wantCalls(t *testing.T, want int64) {
	t.Helper()
	if got := c.calls.Load(); got != want {
		t.Errorf("got %d calls of the tool; want %d", got, want)
	}
}
