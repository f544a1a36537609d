package edge

import (
	"net/http"

	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A resourceMetadata document tells clients what protects an MCP endpoint
// (RFC 9728 section 2). Which authorization servers issue tokens for it is
// left out where there is none: then tokens are made on the account page.
type resourceMetadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers,omitempty"`
	Name          string   `json:"resource_name"`
	Scopes        []string `json:"scopes_supported"`
	BearerMethods []string `json:"bearer_methods_supported"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

// resource is GET /.well-known/oauth-protected-resource and its kin. Without
// a path it is about the endpoint for all apps.
func (e *Edge) resource(w http.ResponseWriter, r *http.Request) error {
	path := "/mcp"
	if app := r.PathValue("app"); app != "" {
		if !e.config.Standalone(app) {
			return visit.NotFound()
		}
		path = "/" + app + "/mcp"
	}
	base := e.config.Site.URL.String()
	// Anybody may read it from anywhere: browser clients have to.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	m := resourceMetadata{
		Resource: base + path, Name: e.config.Name, Scopes: []string{"mcp:read", "mcp:write", "mcp:admin"},
		BearerMethods: []string{"header"}, Documentation: base + "/account/tokens",
	}
	if e.config.Issuers != nil {
		if m.Servers = e.config.Issuers(path); len(m.Servers) > 0 {
			m.Documentation = ""
		}
	}
	if e.config.OAuth != nil { // the same scopes as in its metadata: some clients mix the two
		m.Servers, m.Scopes, m.Documentation = []string{base}, oauth.Scopes, base+"/account/agents"
	}
	return writeDocument(w, m)
}
