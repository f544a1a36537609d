package notes

import (
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/sampleserver"
)

const instructions = "A shared notebook. List the notes to learn their ids."

// App is one running copy of the app with a notebook of its own. It is safe
// for concurrent use.
type App struct {
	notebook *notebook
	calls    sampleserver.Calls
	server   *mcp.Server
}

// New returns an app with the sample notes in it.
func New() *App {
	a := &App{notebook: newNotebook()}
	about := &mcp.Implementation{Name: "sample-notes", Title: "Notes", Version: "1.0.0"}
	a.server = mcp.NewServer(about, sampleserver.Options(instructions))
	a.server.AddReceivingMiddleware(a.calls.Middleware)
	a.addTools()
	return a
}

// Handler returns the handler of a new app.
func Handler() http.Handler { return New().Handler() }

// Handler serves MCP of both eras at /mcp, and at GET /calls how often each
// tool was called.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", sampleserver.Handler(a.server))
	mux.Handle("GET /calls", &a.calls)
	return mux
}

// Calls returns how many calls reached the tool so far.
func (a *App) Calls(tool string) int { return a.calls.Of(tool) }
