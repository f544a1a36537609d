package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A Caller is who calls the API: an operator token or a browser session. The
// zero Caller is nobody and may nothing.
type Caller struct {
	visit.Visitor
	terminal bool // by our own command line, as it says itself
}

// TerminalAgent begins the User-Agent of the command line, so that the record
// tells an answer given in a terminal from a program's.
const TerminalAgent = "ostiary-terminal/"

func (c Caller) browser() bool { return c.SignedIn() }

func (c Caller) mayAny(rights []identity.Right) bool { return slices.ContainsFunc(rights, c.May) }

// admin says whether the caller may change what is not their own.
func (c Caller) admin() bool { return c.May(identity.RightAdmin) }

// seesAll says whether the caller reads what is not theirs: operators do, as
// far as their tenant goes.
func (c Caller) seesAll() bool { return c.User.Admin && c.May(identity.RightRead) || c.admin() }

// reaches says whether a tenant is the caller's. Operators without one reach
// all.
func (c Caller) reaches(t ostiary.Tenant) bool {
	return c.Tenant == t || c.Tenant == "" && c.seesAll()
}

func (c Caller) actor() audit.Actor { return audit.Actor{Tenant: c.Tenant, Subject: c.User.ID} }

func (c Caller) name() string {
	if c.User.Email != "" {
		return c.User.Email
	}
	return string(c.User.ID)
}

func (c Caller) decider() approval.Decider {
	origin := "api"
	if c.terminal {
		origin = "cli"
	}
	return approval.Decider{
		Subject: c.User.ID, Tenant: c.Tenant, Roles: c.Roles, Admin: c.seesAll(),
		DisplayName: c.name(), SignedInAt: c.Operator.SignedIn, Origin: origin,
	}
}

func either(rights []identity.Right) string {
	words := make([]string, len(rights))
	for i, r := range rights {
		words[i] = string(r)
	}
	return strings.Join(words, " or ")
}

// caller tells who asks. A token is looked at alone, so that a cookie beside
// it adds nothing. A browser session changes things only with the token of
// its forms in a header, which no other site's page can send.
func (a *API) caller(r *http.Request) (Caller, error) {
	if _, ok := r.Header["Authorization"]; ok {
		return a.bearer(r)
	}
	v, err := a.Browsers.Visitor(r)
	if err != nil {
		return Caller{}, err
	}
	if !v.SignedIn() {
		return Caller{}, visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Send an operator token, or sign in with a browser.")
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !reads && !v.Holds(r.Header.Get("X-CSRF-Token")) {
		return Caller{}, visit.Refuse(http.StatusForbidden, "csrf", "Send the session's csrf value in the header X-CSRF-Token.")
	}
	return Caller{Visitor: v}, nil
}

func (a *API) bearer(r *http.Request) (Caller, error) {
	text, err := bearerToken(r)
	if err != nil {
		return Caller{}, err
	}
	op, err := a.Operators.Bearer(r.Context(), text, visit.Address(r.Context()))
	if errors.Is(err, identity.ErrInvalidToken) {
		return Caller{}, invalidToken(text)
	}
	return Caller{visit.Visitor{Operator: op}, strings.HasPrefix(r.UserAgent(), TerminalAgent)}, err
}

// bearerToken reads RFC 6750 section 2.1.
func bearerToken(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	scheme, token, ok := strings.Cut(values[0], " ")
	if len(values) != 1 || !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Send one header Authorization: Bearer with an operator token.")
	}
	return token, nil
}

func invalidToken(text string) error {
	if kind := identity.KindOf(text); kind != "" && kind != identity.KindOperator {
		return visit.Refuse(http.StatusUnauthorized, "invalid_token", "The API takes operator tokens; this one is for MCP endpoints.")
	}
	return visit.Refuse(http.StatusUnauthorized, "invalid_token", "This token is not valid.")
}
