package sampleserver

import (
	"context"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	versionHeader = "MCP-Protocol-Version"

	// firstStateless is the first protocol version without sessions.
	// Versions are dates, so they compare as text.
	firstStateless = "2026-07-28"

	// idleSession ends transport sessions whose client went away silently.
	idleSession = 30 * time.Minute
)

// Options are the server options of a sample app. What its lists and
// resources say may differ from person to person once a gateway stands in
// front, so results are marked private; the SDK's default is public.
func Options(instructions string) *mcp.ServerOptions {
	return &mcp.ServerOptions{
		Instructions: instructions,
		Capabilities: &mcp.ServerCapabilities{},
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) {
			c.CacheScope = "private"
		},
	}
}

// Handler serves one MCP server over streamable HTTP in both eras:
// 2026-07-28 and later without sessions, everything before with
// Mcp-Session-Id. A handler of the SDK serves one era only, so two of them
// share the server, and the version header picks. Requests that a browser
// sends on behalf of another site are refused with 403.
func Handler(server *mcp.Server) http.Handler {
	same := func(*http.Request) *mcp.Server { return server }
	stateless := mcp.NewStreamableHTTPHandler(same, &mcp.StreamableHTTPOptions{
		Stateless:    true,
		JSONResponse: true,
	})
	sessions := mcp.NewStreamableHTTPHandler(same, &mcp.StreamableHTTPOptions{
		SessionTimeout: idleSession,
	})
	byEra := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(versionHeader) >= firstStateless {
			stateless.ServeHTTP(w, r)
			return
		}
		sessions.ServeHTTP(w, r)
	}
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(byEra))
}
