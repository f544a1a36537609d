package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A Guard says which tools a principal may know of. *guard.Guard is one.
type Guard interface {
	Visible(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool, resource string) bool
}

// Config is what the pages are made of. All fields are needed, but for
// Stopping.
type Config struct {
	Instance      string // name of this Ostiary, for people
	DB            *store.DB
	Browsers      *visit.Browsers
	Sessions      *identity.Browsers
	Users         *identity.Users
	Tokens        *identity.Tokens
	Operators     *identity.Operators
	AgentSessions *session.Sessions
	Registry      Registry
	Audit         Auditor
	Ends          Ender
	Resolver      *identity.Resolver
	Approvals     *approval.Service
	Guard         Guard
	Catalogue     *catalogue.Catalogue
	Logger        *slog.Logger

	Reauth        time.Duration // how fresh a sign-in must be for what is serious
	Personal      identity.PersonalConfig
	OperatorTTL   time.Duration // the longest life of an operator token
	LoginFailures limit.Rate

	AuthServer // the zero value: there is none

	// Providers are where people sign in; none: here, with a password. Beside
	// them only people of the configuration file have one; Passwords: there are.
	Providers []*issuer.Provider
	Passwords bool
	// Federated are where people show that they are known there, too, before
	// they give agents anything; none: nowhere.
	Federated []Federated
	Callbacks limit.Rate // of an address, on its way to providers and back

	// Stopping ends the streams of events when it is closed; nil: never.
	Stopping <-chan struct{}
}

// A Web serves pages. It is safe for concurrent use.
type Web struct {
	Config
	clock     ostiary.Clock
	addresses *limit.Limiter
	accounts  *limit.Limiter
	documents *limit.Limiter // that requests had us fetch
	// authorizations are those that agents began
	authorizations *limit.Limiter
	callbacks      *limit.Limiter
	told           *limit.Limiter // which limits were told of in the record
	cursors        *visit.Cursors
}

// New returns the pages.
func New(c Config) *Web {
	clock := c.DB.Clock()
	return &Web{
		Config: c, clock: clock,
		addresses: limit.New(clock, c.LoginFailures), accounts: limit.New(clock, c.LoginFailures),
		authorizations: limit.New(clock, c.Authorizations), documents: limit.New(clock, c.Documents),
		callbacks: limit.New(clock, c.Callbacks),
		told:      limit.New(clock, limit.Rate{Count: 1, Per: c.LoginFailures.Per}),
		cursors:   visit.NewCursors(c.DB.DeriveKey("page cursors")),
	}
}

// A Page answers one request of a visitor, who may be nobody.
type Page func(w http.ResponseWriter, r *http.Request, v visit.Visitor) error

// maxForm bounds a form in bytes.
const maxForm = 64 << 10

// Anybody serves a page to everybody.
func (s *Web) Anybody(p Page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.Browsers.Visitor(r)
		if err == nil {
			err = p(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	})
}

// SignedIn serves a page to who is signed in, and sends everybody else to
// sign in and back.
func (s *Web) SignedIn(p Page) http.Handler {
	return s.Anybody(func(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
		if !v.SignedIn() {
			redirect(w, r, signInPage(here(r), false))
			return nil
		}
		return p(w, r, v)
	})
}

// Form takes a form from who is signed in: one that was shown to this person
// in this browser.
func (s *Web) Form(p func(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error) http.Handler {
	return s.Anybody(func(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
		f, err := readForm(w, r)
		if err != nil {
			return err
		}
		if !v.SignedIn() {
			e := visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Sign in first.")
			e.SignIn = signInPage(here(r), false)
			return e
		}
		if !v.Holds(f.one("csrf")) {
			return visit.Refuse(http.StatusForbidden, "forbidden", "The form was not made for this browser and person.")
		}
		return p(w, r, v, f)
	})
}

// fresh says whether the visitor's sign-in is fresh enough for what is
// serious.
func (s *Web) fresh(v visit.Visitor) bool { return s.clock.Now().Sub(v.Session.SignedIn) <= s.Reauth }

// show writes a page whole, or nothing of it.
func (s *Web) show(w http.ResponseWriter, status int, v visit.Visitor, page pages.View) error {
	return s.render(w, status, s.frame(v), page)
}

// render writes a page. formTargets are origins that a form of it may end up at.
func (s *Web) render(w http.ResponseWriter, status int, f pages.Frame, page pages.View, formTargets ...string) error {
	var b bytes.Buffer
	if err := pages.Render(&b, f, page); err != nil {
		return visit.Internal(err)
	}
	pages.SetHeaders(w.Header(), formTargets...)
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // who is gone needs no page
	return nil
}

func (s *Web) frame(v visit.Visitor) pages.Frame {
	return pages.Frame{Instance: s.Instance, Reader: nameOf(v.User), Operator: v.May(identity.RightAdmin), CSRF: ostiary.Secret(v.Session.CSRF), Now: s.clock.Now()}
}

// nameOf is a person's name for people.
func nameOf(u identity.User) string {
	if u.Email != "" {
		return u.Email
	}
	return string(u.ID)
}

// fail shows an error page. What the caller can't help is logged under an id
// that the page tells.
func (s *Web) fail(w http.ResponseWriter, r *http.Request, v visit.Visitor, err error) {
	e := visit.AsError(err)
	fault := pages.Fault{Status: e.Status, RetryAfter: e.RetryAfter, SignIn: e.SignIn}
	if e.Status >= 500 {
		fault.CallID = ostiary.NewID("cal")
		s.Logger.Error("a page failed", "call_id", fault.CallID, "method", r.Method, "path", r.URL.Path, "error", e.Err)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(e.RetryAfter))
	}
	if err := s.show(w, e.Status, v, fault); err != nil {
		s.Logger.Error("an error page failed", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// Fail shows an error page to a visitor who was not asked who they are.
func (s *Web) Fail(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, visit.Visitor{}, err)
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// here is the page that a visitor wanted: for a form, the one it stands on.
func here(r *http.Request) string {
	if r.Method == http.MethodPost {
		return r.URL.EscapedPath()
	}
	return (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}).RequestURI()
}

func actorOf(v visit.Visitor) audit.Actor {
	return audit.Actor{Tenant: v.Tenant, Subject: v.User.ID}
}

func deciderOf(v visit.Visitor) approval.Decider {
	return approval.Decider{
		Subject: v.User.ID, Tenant: v.Tenant, Roles: v.Roles, Admin: v.User.Admin,
		DisplayName: nameOf(v.User), SignedInAt: v.Session.SignedIn, Origin: "page",
	}
}
