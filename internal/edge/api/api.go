package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/policy"
	agents "github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A Guard answers what would become of a call. *guard.Guard is one.
type Guard interface {
	Visible(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool, resource string) bool
	Explain(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool, args ostiary.Arguments, resource string) (ostiary.Decision, ostiary.Trail)
}

// Rules look up what the operator said about a tool. *policy.Rules are.
type Rules interface {
	Of(t *ostiary.Tool) *policy.Rule
}

// Config is what the API is made of. All fields but the last are needed.
type Config struct {
	DB        *store.DB
	Browsers  *visit.Browsers
	Users     *identity.Users
	Tokens    *identity.Tokens
	Operators *identity.Operators
	Sessions  *agents.Sessions
	Clients   *client.Registry
	Resolver  *identity.Resolver
	Approvals *approval.Service
	Audit     *audit.Reader
	Guard     Guard
	Rules     Rules
	Catalogue *catalogue.Catalogue
	Ends      Ender
	Logger    *slog.Logger

	Reauth  time.Duration // how fresh a sign-in must be for what is serious
	MaxBody int64         // bytes
	Leaks   limit.Rate    // reports of leaked tokens an address
	// Required are the ids of providers at which a person links an account before
	// they make tokens.
	Required []string

	// LeakedRefresh ends what a refresh token that somebody found is of; nil:
	// there are no refresh tokens here.
	LeakedRefresh func(ctx context.Context, text string) (bool, error)
}

// An API answers below /api/v1. It is safe for concurrent use.
type API struct {
	Config
	clock   ostiary.Clock
	leaks   *limit.Limiter
	cursors *visit.Cursors
}

// New returns the API.
func New(c Config) *API {
	clock := c.DB.Clock()
	return &API{Config: c, clock: clock, leaks: limit.New(clock, c.Leaks), cursors: visit.NewCursors(c.DB.DeriveKey("api cursors"))}
}

// A Handler answers one request of a caller.
type Handler func(w http.ResponseWriter, r *http.Request, c Caller) error

// Open serves a handler to everybody, without asking who they are.
func (a *API) Open(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r, Caller{}); err != nil {
			a.Fail(w, r, err)
		}
	})
}

// May serves a handler to callers who hold one of the rights.
func (a *API) May(h Handler, rights ...identity.Right) http.Handler {
	return a.Open(func(w http.ResponseWriter, r *http.Request, _ Caller) error {
		c, err := a.caller(r)
		if err != nil {
			return err
		}
		if !c.mayAny(rights) {
			return visit.Refuse(http.StatusForbidden, "right_missing", "This needs the right %s.", either(rights))
		}
		return h(w, r, c)
	})
}

// InBrowser serves a handler to browser sessions alone: what makes tokens is
// not done with a token.
func (a *API) InBrowser(h Handler) http.Handler {
	return a.Open(func(w http.ResponseWriter, r *http.Request, _ Caller) error {
		c, err := a.caller(r)
		if err != nil {
			return err
		}
		if !c.browser() {
			return browserOnly()
		}
		return h(w, r, c)
	})
}

func browserOnly() error {
	return visit.Refuse(http.StatusForbidden, "browser_only", "This is done in a browser session, not with a token.")
}

// Fail answers with an error. What the caller can't help is logged under an
// id that the message names.
func (a *API) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e := visit.AsError(err)
	message := e.Message
	if e.Status >= http.StatusInternalServerError {
		id := ostiary.NewID("cal")
		a.Logger.Error("an API request failed", "call_id", id, "method", r.Method, "path", r.URL.Path, "error", e.Err)
		message += " (" + id + ")"
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="api"`)
	}
	writeJSON(w, e.Status, failure{failureDetail{e.Code, message}})
}
