package mcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// An Identity tells who is asking. *identity.Resolver is one.
type Identity interface {
	// Bearer returns the principal of a token, or an error wrapping
	// identity.ErrInvalidToken for one that is not good.
	Bearer(ctx context.Context, token string, from netip.Addr) (*ostiary.Principal, error)
	// Anonymous returns the principal of a caller without a token; nil where
	// everybody has to sign in.
	Anonymous(ctx context.Context) (*ostiary.Principal, error)
	// Absent returns the principal of a session whose client has hung up, with
	// the rights of now, or an error wrapping identity.ErrInvalidToken.
	Absent(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID, from netip.Addr) (*ostiary.Principal, error)
	// Elsewhere records that a good token came to an endpoint it is not for.
	Elsewhere(ctx context.Context, token string, from netip.Addr) error
}

// Upstreams carry calls that were let through. *upstream.Fleet is one.
type Upstreams interface {
	// Tasks says whether an app may answer a call with a task of its own.
	Tasks(app string) bool
	Call(ctx context.Context, app string, who upstream.Caller, req upstream.Request) (upstream.Reply, error)
	// Era is the newest protocol version of app; "" it is not known.
	Era(app string) string
	// Watch has app tell of changes of a resource.
	Watch(app string, who upstream.Caller, w upstream.Watch) upstream.Watching
}

// StepUp says how a call that needs more scopes is refused. The zero value is
// StepUpResult, which every client can show.
type StepUp string

// The ways.
const (
	StepUpResult StepUp = "result" // a tool result with a link
	StepUpHTTP   StepUp = "http"   // 403 insufficient_scope
)

// Config is what a handler is made of. Origins, Hold, Instructions and
// ClientAddr may be zero.
type Config struct {
	Guard     *guard.Guard
	Catalogue *catalogue.Catalogue
	Upstreams Upstreams
	Identity  Identity
	DB        *store.DB

	PublicURL string        // base of every link; no trailing slash
	Origins   []string      // of browsers, besides that of PublicURL
	MaxBody   int64         // bytes
	Hold      time.Duration // how long a call waits for a decision; zero: never
	StepUp    StepUp
	// SignInScope is what a caller without a good token is told to ask for; ""
	// means mcp:read.
	SignInScope string
	// NoIncremental: apps are opened when an agent is connected, and not later.
	NoIncremental bool

	Version      string // of the gateway, told to clients
	Instructions string
	// ClientAddr tells the address of the caller; nil takes the connection's.
	ClientAddr func(*http.Request) netip.Addr
	Logger     *slog.Logger
}

// A Handler serves the MCP endpoints. Mount it at /mcp and at /{app}/mcp, with
// that name for the path value. It is safe for concurrent use.
type Handler struct {
	config   Config
	origins  map[string]bool
	sessions *sessions
	states   sealer
	cursors  sealer
	inflight inflight
	asking   asking
	pins     pins
	changes  changes
	turns    bells // ring when it may be another stream's turn to speak
	replays  replays
	unheard  *unheard
	errands  *errands
	views    visible
	clock    ostiary.Clock
	unhear   func()
}

// New returns a handler. Close it to end the streams that it holds open, and
// then Drain it.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.ClientAddr == nil {
		c.ClientAddr = peer
	}
	h := &Handler{config: c, origins: map[string]bool{origin(c.PublicURL): true}, clock: c.DB.Clock()}
	for _, o := range c.Origins {
		h.origins[o] = true
	}
	h.sessions = newSessions(c.DB)
	h.states = newSealer(c.DB.DeriveKey("request state"), "request state")
	h.cursors = newSealer(c.DB.DeriveKey("list cursor"), "list cursor")
	h.changes.init()
	h.errands = newErrands(h)
	h.unheard = newUnheard(h)
	h.unhear = c.DB.OnChange(h.hear)
	return h
}

// hear takes a change in storage that another instance may have made.
func (h *Handler) hear(c store.Change) {
	if c.Key.Kind == kindCancel && c.Version != 0 {
		h.inflight.cancelElsewhere(h.config.DB, c.Key)
	}
	if c.Key.Kind == kindSpeaker || c == store.Resync {
		h.turns.ring(c.Key)
	}
	if c.Key.Kind == kindUnheard || c == store.Resync {
		h.unheard.bells.ring(c.Key)
	}
}

// ListsChanged tells the clients that listen to ask for lists again. Call it
// after the catalogue was refreshed.
func (h *Handler) ListsChanged() { h.changes.tell() }

// Close ends all streams, and calls whose clients are away, and leaves tasks
// that wait to other instances. Calls in flight go on.
func (h *Handler) Close() {
	h.changes.close()
	h.pins.close()
	h.errands.close()
	h.sessions.close()
	h.unhear()
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, r: r, endpoint: catalogue.Endpoint(r.PathValue("app"))}
	defer x.survive()
	if !h.serves(x.endpoint) {
		x.write(x.failed(http.StatusNotFound, nil, wire.CodeInvalidRequest, "There is no MCP endpoint here."))
		return
	}
	x.resource = x.endpoint.Path()
	w.Header()["Cache-Control"] = noStore
	if !x.fromAllowedOrigin() {
		x.write(x.failed(http.StatusForbidden, nil, wire.CodeInvalidRequest, "This origin may not call this endpoint."))
		return
	}
	switch r.Method {
	case http.MethodPost:
		x.post()
	case http.MethodGet:
		x.get()
	case http.MethodDelete:
		x.delete()
	case http.MethodOptions:
		x.preflight()
	default:
		if x.admitted() {
			x.notAllowed()
		}
	}
}

// serves says whether an endpoint is there: /mcp, or a standalone app.
func (h *Handler) serves(e catalogue.Endpoint) bool {
	if e == "" {
		return true
	}
	app, ok := h.config.Catalogue.App(string(e))
	return ok && app.Standalone
}

func (x *exchange) notAllowed() {
	x.w.Header().Set("Allow", "POST, GET, DELETE")
	x.write(x.failed(http.StatusMethodNotAllowed, nil, wire.CodeInvalidRequest, "This endpoint takes POST; clients before 2026-07-28 also GET and DELETE."))
}

// survive turns a panic into an answer without internals. The process and
// all other calls go on.
func (x *exchange) survive() {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	x.config.Logger.Error("a request made the gateway panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if !x.begun {
		x.write(x.failed(http.StatusInternalServerError, nil, wire.CodeInternalError, "Something went wrong in the gateway. Nothing is known of what became of the call."))
	}
}

// peer is the address that a connection came from.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// origin is the scheme and authority of a URL.
func origin(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
