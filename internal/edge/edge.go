package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/store"
)

// Config is what an edge is made of. TrustedProxies may be empty.
type Config struct {
	Site           visit.Site
	TrustedProxies []netip.Prefix
	Name           string // of this Ostiary, for people
	DB             *store.DB
	MCP            http.Handler // reads the app from the path value "app"
	// Standalone says whether an app is served alone at /{app}/mcp.
	Standalone func(app string) bool
	Web        *web.Web
	API        *api.API
	// OAuth is the authorization server; nil: there is none here.
	OAuth *oauth.Server
	// Issuers issue tokens that are taken at an endpoint, by its path, and not
	// issued here; nil, and none: nobody does.
	Issuers func(endpoint string) []string
	Logger  *slog.Logger
}

// An Edge answers every request that comes in at server.listen. It is safe
// for concurrent use.
type Edge struct {
	config   Config
	people   *http.ServeMux
	agents   *http.ServeMux
	programs *http.ServeMux
	probe    *probe
}

// New returns the edge. It panics when two routes are for the same requests.
func New(c Config) *Edge {
	e := &Edge{config: c, people: http.NewServeMux(), agents: http.NewServeMux(), programs: http.NewServeMux(), probe: newProbe(c.DB)}
	for mux, routes := range map[*http.ServeMux][]route{e.people: e.routes(), e.agents: e.agentRoutes(), e.programs: e.programRoutes()} {
		for _, r := range routes {
			mux.Handle(r.pattern, r.handler)
		}
	}
	return e
}

// ServeHTTP implements http.Handler.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &response{ResponseWriter: w}
	defer e.survive(out, r)
	if e.config.Site.URL.Scheme == "https" {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	if !e.config.Site.ServesHost(r.Host) {
		e.fail(out, r, visit.Refuse(http.StatusMisdirectedRequest, "misdirected", "This Ostiary does not answer under that name."))
		return
	}
	e.route(out, visit.WithAddress(r, e.config.TrustedProxies))
}

// route finds who answers. What changes something for a person or program is
// taken from our own pages, and from what is no browser, only; agents' door
// looks at origins itself, and what OAuth clients send is good from anywhere,
// as no cookie has a part in it.
func (e *Edge) route(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/mcp" { // nearly all requests, and no one else's path
		e.config.MCP.ServeHTTP(w, r)
		return
	}
	if _, program := e.programs.Handler(r); program != "" {
		e.programs.ServeHTTP(w, r)
		return
	}
	_, pattern := e.people.Handler(r)
	if pattern == "" {
		if _, agent := e.agents.Handler(r); agent != "" {
			e.agents.ServeHTTP(w, r)
			return
		}
		e.noRoute(w, r)
		return
	}
	if !safe(r.Method) && !e.config.Site.SameOrigin(r) {
		e.fail(w, r, visit.Refuse(http.StatusForbidden, "cross_site", "This came from a page of another site."))
		return
	}
	e.people.ServeHTTP(w, r)
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// noRoute tells a path that isn't there from a method that it doesn't take.
func (e *Edge) noRoute(w http.ResponseWriter, r *http.Request) {
	for _, mux := range []*http.ServeMux{e.programs, e.people, e.agents} {
		handler, _ := mux.Handler(r)
		told := &methods{header: http.Header{}}
		handler.ServeHTTP(told, r)
		if told.status == http.StatusMethodNotAllowed && told.header.Get("Allow") != preflights {
			w.Header().Set("Allow", told.header.Get("Allow"))
			e.fail(w, r, visit.Refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This path takes %s.", told.header.Get("Allow")))
			return
		}
	}
	e.fail(w, r, visit.NotFound())
}

// preflights is what a path takes that has but the answer to preflights, which
// stands for whole folders: nothing is there.
const preflights = http.MethodOptions

// methods hears what http.ServeMux says to a request that no route takes.
type methods struct {
	header http.Header
	status int
}

func (m *methods) Header() http.Header         { return m.header }
func (m *methods) Write(p []byte) (int, error) { return len(p), nil }
func (m *methods) WriteHeader(status int)      { m.status = status }

// fail answers as whoever asks understands: programs get JSON, OAuth clients
// that of their RFCs, people a page.
func (e *Edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	if e.config.OAuth != nil && slices.Contains(programPaths, r.URL.Path) {
		e.config.OAuth.Fail(w, r, err)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasSuffix(r.URL.Path, "/mcp") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		e.config.API.Fail(w, r, err)
		return
	}
	e.config.Web.Fail(w, r, err)
}

// survive turns a panic into an answer without internals.
func (e *Edge) survive(w *response, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	err := fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	if w.begun {
		e.config.Logger.Error("a request made the gateway panic", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	e.fail(w, r, visit.Internal(err))
}

// A response knows whether it has begun.
type response struct {
	http.ResponseWriter
	begun bool
}

func (w *response) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *response) Flush() {
	w.begun = true
	_ = http.NewResponseController(w.ResponseWriter).Flush() // what can't flush doesn't buffer
}

// Unwrap lets http.ResponseController find what w stands for.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func toInbox(w http.ResponseWriter, r *http.Request, _ visit.Visitor) error {
	http.Redirect(w, r, "/approvals", http.StatusSeeOther)
	return nil
}
