package gateway

import (
	"net/http"

	"github.com/ostiary/ostiary/internal/edge/mcp"
)

// handler is everything that the public listener serves.
func (g *Gateway) handler() http.Handler {
	g.mcp = mcp.New(mcp.Config{
		Guard: g.Guard, Catalogue: g.Catalogue.Catalogue, Upstreams: g.Catalogue.Fleet, Identity: g.Resolver, DB: g.DB,
		PublicURL: g.publicURL(), Origins: g.Config.Server.AllowedOrigins, MaxBody: int64(g.Config.Server.MaxBody),
		Hold: g.Config.Approvals.Hold, StepUp: mcp.StepUp(g.Config.Auth.StepUp),
		Version: Version(), Instructions: g.Config.MCP.Instructions, Logger: g.Logger,
	})
	g.Catalogue.changed = g.mcp.ListsChanged
	mux := http.NewServeMux()
	mux.Handle("/mcp", g.mcp)
	mux.Handle("/{app}/mcp", g.mcp)
	return mux
}
