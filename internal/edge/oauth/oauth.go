package oauth

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/store"

	"github.com/ostiary/ostiary"
)

// Clients know who comes with a request. *client.Registry is one.
type Clients interface {
	Authenticate(ctx context.Context, p client.Presented) (client.Client, client.Method, error)
	Find(ctx context.Context, id ostiary.ClientID) (client.Client, error)
	Register(ctx context.Context, body []byte, from string, by audit.Actor) (client.Registration, error)
	Used(ctx context.Context, id ostiary.ClientID, until time.Time) error
}

// Config is what the endpoints are made of. All fields are needed.
type Config struct {
	URL     *url.URL // public_url: the issuer
	DB      *store.DB
	Clients Clients
	Grants  *grants.Grants
	// Dynamic and Documents say how clients may become known, to be told.
	Dynamic, Documents bool
	// Standalone says whether an app is a resource of its own.
	Standalone func(app string) bool
	// RefreshTTL is how long a client that was given tokens has to be known.
	RefreshTTL time.Duration
	Logger     *slog.Logger

	Tokens        limit.Rate // of an address, at the token endpoint and its kin
	Registrations limit.Rate // of an address
}

// A Server answers programs. It is safe for concurrent use.
type Server struct {
	Config
	clock         ostiary.Clock
	tokens        *limit.Limiter
	registrations *limit.Limiter
}

// New returns the endpoints.
func New(c Config) *Server {
	clock := c.DB.Clock()
	return &Server{Config: c, clock: clock, tokens: limit.New(clock, c.Tokens), registrations: limit.New(clock, c.Registrations)}
}

// A Handler answers one request of a program.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Handle serves a handler to everybody, from every origin: nothing here goes by
// cookies, so a page elsewhere can do no more than any program.
func (s *Server) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.Fail(w, r, err)
		}
	})
}

// Preflight answers a browser that asks what it may send.
func (s *Server) Preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, MCP-Protocol-Version")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// take counts a request of an address.
func (s *Server) take(l *limit.Limiter, r *http.Request) error {
	if wait := l.Take(visit.AddressKey(visit.Address(r.Context()))); wait > 0 {
		return visit.Limited(wait)
	}
	return nil
}

// write answers with JSON that nobody keeps and every origin may read.
func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // RFC 6749 section 5.1
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who is gone needs no answer
}
