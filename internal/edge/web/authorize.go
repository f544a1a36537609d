package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/internal/uri"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/session"
)

// Clients know the OAuth clients. *client.Registry is one.
type Clients interface {
	Find(ctx context.Context, id ostiary.ClientID) (client.Client, error)
	Used(ctx context.Context, id ostiary.ClientID, until time.Time) error
	Fetches(id ostiary.ClientID) bool
}

// An AuthServer is what agents get here, and who decides it. The zero value is
// none.
type AuthServer struct {
	Clients   Clients
	Pending   *pending.Requests
	Rules     Rules
	PublicURL string // issuer
	// Resource tells which endpoint a resource indicator means.
	Resource        func(indicator string) (path string, ok bool)
	DefaultResource string
	Admins          identity.Admins

	GrantDefault, GrantMax time.Duration
	Preselect              string // none, read or all
	ConsentMessage         string // above the list
	NoConsent              bool   // people are not asked to choose tools
	Remember               bool   // people may have a yes remembered
	AllowSkip              bool
	SkippedApps            func() []string // those whose read tools work all the same; nil: none
	NoIncremental          bool            // apps are opened when an agent is connected, not later
	Authorizations         limit.Rate      // of an address
	Documents              limit.Rate      // of an address: metadata documents that its requests have us fetch
}

// Rules look up what the operator said about a tool. *policy.Rules are.
type Rules interface {
	Of(t *ostiary.Tool) *policy.Rule
	Scopes() []string // that calls need, besides tiers
}

// Authorize is GET /oauth/authorize: with client_id an agent asks, with app
// alone a person opens an app for agents of theirs. It changes nothing that
// anybody but this browser could go on with, so that who fetches it ahead does
// no harm.
func (s *Web) Authorize(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return s.refuseAgent(w, r, v, "request", "the query can't be read")
	}
	if q.Has("app") && !q.Has("client_id") {
		return s.openApp(w, r, v, q)
	}
	if wait := s.authorizations.Take(visit.AddressKey(visit.Address(r.Context()))); wait > 0 {
		return visit.Limited(wait)
	}
	if wait := s.fetching(r, ostiary.ClientID(q.Get("client_id"))); wait > 0 {
		return visit.Limited(wait)
	}
	preset := ""
	if app := r.PathValue("app"); app != "" {
		if preset = "/" + app + "/mcp"; !s.isStandalone(app) {
			return visit.NotFound()
		}
	}
	return s.authorize(w, r, v, asking{Web: s, query: q, preset: preset})
}

// fetching is how long an address has to wait before it may have one more host
// asked that nobody vouches for.
func (s *Web) fetching(r *http.Request, id ostiary.ClientID) time.Duration {
	if !s.AuthServer.Clients.Fetches(id) {
		return 0
	}
	return s.documents.Take(visit.AddressKey(visit.Address(r.Context())))
}

func (s *Web) isStandalone(app string) bool {
	a, ok := s.Catalogue.App(app)
	return ok && a.Standalone
}

func (s *Web) authorize(w http.ResponseWriter, r *http.Request, v visit.Visitor, a asking) error {
	problem, detail, err := a.identify(r.Context())
	if err != nil {
		return err
	}
	if problem != "" {
		return s.refuseAgent(w, r, v, problem, detail)
	}
	if refusal := a.read(); refusal != nil {
		if a.isStrange() && !v.SignedIn() {
			redirect(w, r, signInPage(r.URL.RequestURI(), false))
			return nil
		}
		redirect(w, r, s.refusalURI(a.redirect, a.state(), *refusal))
		return nil
	}
	req, err := s.Pending.Begin(r.Context(), a.asked(r), s.Browsers.Mark(w, r))
	if err != nil {
		return err
	}
	redirect(w, r, consentPath(req))
	return nil
}

// refuseAgent shows what is wrong with a client or its redirect URI. Nobody is
// sent anywhere: the address is what can't be trusted. A program that looks
// ahead hears it as the token endpoint would say it.
func (s *Web) refuseAgent(w http.ResponseWriter, r *http.Request, v visit.Visitor, problem, detail string) error {
	page := pages.Refused{Problem: problem, Detail: detail}
	if !wantsJSON(r) {
		return s.show(w, http.StatusBadRequest, v, page)
	}
	code, ok := agentProblems[problem]
	if !ok {
		code = "invalid_request"
	}
	return writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": page.Words().Happened})
}

// agentProblems are the codes of RFC 6749 section 5.2 for what is wrong with a
// client.
var agentProblems = map[string]string{"client_unknown": "invalid_client", "document": "invalid_client", "client_unreachable": "temporarily_unavailable"}

// An asking is one authorization request (RFC 6749 section 4.1.1).
type asking struct {
	*Web
	query  url.Values
	preset string // endpoint of the path it came by; "" for none

	client    client.Client
	redirect  string
	challenge string
	resources []string
	scopes    []string // asked for, as what they stand for
}

// A refusal goes back to the client (RFC 6749 section 4.1.2.1).
type refusal struct{ code, description string }

// one is a parameter that stands once; ok false: more often.
func (a *asking) one(name string) (value string, ok bool) {
	values := a.query[name]
	if len(values) > 1 {
		return "", false
	}
	return a.query.Get(name), true
}

// isStrange says whether the answer goes to a place on the web that nobody but
// the client itself has named. Whoever registers one could have everybody who
// follows a link of ours sent there (RFC 9700 section 4.11.2): they sign in
// first, whatever is wrong with the request.
func (a *asking) isStrange() bool {
	to, err := uri.Parse(a.redirect)
	return a.client.Origin != client.Static && (err != nil || !to.Loopback())
}

func (a *asking) state() string {
	state, _ := a.one("state")
	return state
}

// identify finds out who asks and where the answer goes. problem is what a page
// has to say of it.
func (a *asking) identify(ctx context.Context) (problem, detail string, err error) {
	id, okID := a.one("client_id")
	to, okTo := a.one("redirect_uri")
	if !okID || !okTo || id == "" {
		return "request", "client_id and redirect_uri have to stand once", nil
	}
	a.client, err = a.Clients.Find(ctx, ostiary.ClientID(id))
	var document *client.DocumentError
	switch {
	case errors.As(err, &document):
		return "document", id + ": " + document.Why, nil
	case errors.Is(err, client.ErrUnknown):
		return "client_unknown", id, nil
	case errors.Is(err, client.ErrUnreachable):
		return "client_unreachable", id, nil
	case err != nil:
		return "", "", err
	}
	_, wrong := a.client.CheckRedirect(to)
	if wrong != nil {
		problem, detail = "redirect", wrong.Error()
	}
	a.redirect = to
	return problem, detail, nil
}

// read reads the rest; what is wrong is told to the client.
func (a *asking) read() *refusal {
	for name := range a.query {
		if _, ok := a.one(name); !ok && name != "resource" {
			return &refusal{"invalid_request", "a parameter stands more than once"}
		}
	}
	for _, check := range []func() *refusal{a.readForm, a.readChallenge, a.readResources, a.readScopes} {
		if r := check(); r != nil {
			return r
		}
	}
	return nil
}

// maxState is how long a state may be, in bytes.
const maxState = 4096

// readForm reads what sort of answer is wanted.
func (a *asking) readForm() *refusal {
	response := a.query.Get("response_type")
	mode := a.query.Get("response_mode")
	switch {
	case a.query.Has("request"):
		return &refusal{"request_not_supported", "requests as JWT are not taken"}
	case a.query.Has("request_uri"):
		return &refusal{"request_uri_not_supported", "requests as JWT are not taken"}
	case response == "":
		return &refusal{"invalid_request", "response_type is missing"}
	case response != "code":
		return &refusal{"unsupported_response_type", "there is only code"}
	case mode != "" && mode != "query":
		return &refusal{"invalid_request", "there is only response_mode=query"}
	case !a.client.Uses(client.GrantCode):
		return &refusal{"unauthorized_client", "this client may not use authorization codes"}
	case len(a.state()) > maxState:
		return &refusal{"invalid_request", "state is too long"}
	case a.query.Get("prompt") == "none":
		return &refusal{"interaction_required", "a person has to agree"}
	}
	return nil
}

// readChallenge takes S256 alone (RFC 7636 section 4.3): a method that is left
// out would be plain.
func (a *asking) readChallenge() *refusal {
	a.challenge = a.query.Get("code_challenge")
	switch {
	case a.challenge == "":
		return &refusal{"invalid_request", "code_challenge is missing: PKCE is needed"}
	case a.query.Get("code_challenge_method") != "S256":
		return &refusal{"invalid_request", "code_challenge_method has to be S256"}
	case !isChallenge(a.challenge):
		return &refusal{"invalid_request", "code_challenge is no S256 challenge: 43 characters of base64url"}
	}
	return nil
}

// isChallenge says whether a text is the base64url of a SHA-256.
func isChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// readResources reads which endpoints the token is to be for (RFC 8707).
func (a *asking) readResources() *refusal {
	for _, indicator := range a.query["resource"] {
		path, ok := a.Resource(indicator)
		if !ok {
			return &refusal{"invalid_target", "a resource is none of this server"}
		}
		if !slices.Contains(a.resources, path) {
			a.resources = append(a.resources, path)
		}
	}
	if a.resources == nil {
		a.resources = []string{a.DefaultResource}
		if a.preset != "" {
			a.resources = []string{a.preset}
		}
	}
	return nil
}

// readScopes reads what is asked for. A client of the broadest scope may ask
// for all that there is, every other for its own, which may stand for others.
// One that described itself and asks for the broadest all the same, as our
// challenge says, gets of it what it said that it needs.
func (a *asking) readScopes() *refusal {
	asked := session.ParseScopes(a.query.Get("scope"))
	cut := a.client.Origin != client.Static && slices.Contains(asked, session.AnyScope)
	for _, scope := range asked {
		own := a.client.MayAsk(scope)
		if !own && !cut || !a.known(scope) {
			return &refusal{"invalid_scope", "a scope is unknown, or not one of this client"}
		}
		if own || scope == session.AnyScope {
			a.scopes = append(a.scopes, a.client.StandsFor(scope)...)
		}
	}
	return nil
}

// known says whether there is a scope here: a tier, on all apps or on one, all
// of an app, what a rule demands, or what the operator lists for the client.
func (a *asking) known(scope string) bool {
	app, what, _ := strings.Cut(scope, ":")
	_, tiered := ostiary.ParseTier(what)
	_, isApp := a.Catalogue.App(app)
	switch {
	case scope == session.AnyScope, app == "mcp" && tiered, isApp && (tiered || what == "*"):
		return true
	case a.client.Origin == client.Static && slices.Contains(a.client.Scopes, scope):
		return true
	}
	return isApp && slices.Contains(a.Rules.Scopes(), scope)
}

// asked is the request as it is kept until somebody has decided.
func (a *asking) asked(r *http.Request) pending.Asked {
	return pending.Asked{
		Client: session.Client{
			ID: a.client.ID, Name: a.client.Name, Kind: string(a.client.Kind), Verified: a.client.Verified(), Ceiling: a.ceiling(),
		},
		Redirect: a.redirect, State: a.state(), Challenge: a.challenge, Resources: a.resources, Scopes: a.scopes,
		Origin: a.remembers(r), Definition: a.client.Definition(),
	}
}

// ceiling are the scopes that the client may be given at all.
func (a *asking) ceiling() (all []string) {
	for _, scope := range a.client.Scopes {
		all = append(all, a.client.StandsFor(scope)...)
	}
	return all
}

// consentPath is the consent route of the kind of the client that asks.
func consentPath(req pending.Request) string {
	path := "/oauth/consent/" + req.ID
	if last := client.Kind(req.Asked.Client.Kind).Rules().Consent; last != "" {
		path += "/" + last
	}
	return path
}
