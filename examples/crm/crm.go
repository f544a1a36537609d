package crm

import (
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/sampleserver"
)

const instructions = "Customer contacts of two sites, site-A and site-B. Search before you change anything."

// CRM is one running copy of the app with contacts of its own. It is safe
// for concurrent use.
type CRM struct {
	contacts *book
	calls    sampleserver.Calls
	server   *mcp.Server
}

// New returns a CRM with the sample contacts in it.
func New() *CRM {
	c := &CRM{contacts: newBook(seed())}
	about := &mcp.Implementation{Name: "sample-crm", Title: "CRM", Version: "1.0.0"}
	c.server = mcp.NewServer(about, sampleserver.Options(instructions))
	c.server.AddReceivingMiddleware(c.calls.Middleware)
	c.addTools()
	c.addResources()
	c.addPrompts()
	return c
}

// Handler returns the handler of a new CRM.
func Handler() http.Handler { return New().Handler() }

// Handler serves MCP of both eras at /mcp, and at GET /calls how often each
// tool was called.
func (c *CRM) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", sampleserver.Handler(c.server))
	mux.Handle("GET /calls", &c.calls)
	return mux
}

// Calls returns how many calls reached the tool so far.
func (c *CRM) Calls(tool string) int { return c.calls.Of(tool) }
