package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A selection is a list of ids, or the word "all".
type selection ostiary.Selection

// MarshalJSON writes a list, or "all".
func (s selection) MarshalJSON() ([]byte, error) {
	if s.All {
		return []byte(`"all"`), nil
	}
	if s.IDs == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(s.IDs)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *selection) UnmarshalJSON(raw []byte) error {
	var ids []string
	if err := json.Unmarshal(raw, &ids); err == nil && ids != nil {
		if slices.Contains(ids, "all") {
			return errors.New(`"all" stands alone, not in a list`)
		}
		*s = selection{IDs: ids}
		return nil
	}
	if string(raw) != `"all"` {
		return errors.New(`apps, tools and sites are a list of ids or "all"`)
	}
	*s = selection{All: true}
	return nil
}

// A token is a personal token that was made before. Its value is not known.
type token struct {
	ID       string            `json:"id"`
	Subject  ostiary.Subject   `json:"subject"`
	Name     string            `json:"name"`
	Hint     string            `json:"hint"`
	Client   ostiary.ClientID  `json:"client"`
	Session  ostiary.SessionID `json:"session"`
	Tier     string            `json:"tier"`
	Apps     selection         `json:"apps"`
	Tools    selection         `json:"tools"`
	Sites    selection         `json:"sites"`
	CIDRs    []netip.Prefix    `json:"cidrs"`
	Created  time.Time         `json:"created_at"`
	Expires  *time.Time        `json:"expires_at"` // null: never
	LastUsed *time.Time        `json:"last_used_at,omitempty"`
	Revoked  *time.Time        `json:"revoked_at,omitempty"`
	Reason   string            `json:"revocation_reason,omitempty"`
	// Token is there only when it was made a moment ago.
	Token string `json:"token,omitempty"`
}

func viewToken(t identity.Personal) token {
	v := token{
		ID: t.ID, Subject: t.Owner, Name: t.Name, Hint: t.Hint, Client: identity.PersonalClient, Session: t.Session, Tier: t.Tier,
		Apps: selection(t.Apps), Tools: selection(t.Tools), Sites: selection(t.Sites), CIDRs: t.CIDRs,
		Created: t.Created, Expires: t.Expires, Revoked: t.Revoked, Reason: t.Reason,
	}
	if v.CIDRs == nil {
		v.CIDRs = []netip.Prefix{}
	}
	return v
}

// ListTokens is GET /tokens: one's own in a browser session, and those of the
// tenant with the right admin.
func (a *API) ListTokens(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "subject")
	if err != nil {
		return err
	}
	if !c.browser() && !c.admin() {
		return browserOnly()
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	owner := ostiary.Subject(q.Get("subject"))
	if !c.admin() {
		if q.Has("subject") && owner != c.User.ID {
			return visit.NotFound()
		}
		owner = c.User.ID
	}
	tokens, next, err := a.Tokens.List(r.Context(), owner, of.limit, of.cursor)
	if err != nil {
		return err
	}
	var items []token
	for _, t := range tokens {
		if !a.maySee(c, t) {
			continue
		}
		view := viewToken(t)
		used, err := a.Tokens.LastUsed(r.Context(), t)
		if err != nil {
			return err
		}
		if !used.IsZero() {
			view.LastUsed = &used
		}
		items = append(items, view)
	}
	writeList(w, a, of, items, next)
	return nil
}

func (a *API) maySee(c Caller, t identity.Personal) bool {
	return t.Owner == c.User.ID || c.admin() && c.reaches(t.Tenant)
}

type newToken struct {
	Name  string     `json:"name"`
	Tier  string     `json:"tier"`
	Apps  *selection `json:"apps,omitempty"`
	Tools *selection `json:"tools,omitempty"`
	Sites *selection `json:"sites,omitempty"`
	TTL   *int64     `json:"ttl,omitempty"` // seconds; 0: never ends; left out: the default
	CIDRs cidrs      `json:"cidrs,omitempty"`
}

func (n newToken) spec() identity.PersonalSpec {
	spec := identity.PersonalSpec{
		Name: n.Name, CIDRs: n.CIDRs,
		Apps: n.Apps.selected(), Tools: n.Tools.selected(), Sites: n.Sites.selected(),
	}
	spec.Tier, _ = ostiary.ParseTier(n.Tier)
	if n.TTL != nil {
		spec.TTL, spec.Endless = visit.Seconds(*n.TTL), *n.TTL == 0
	}
	return spec
}

func (s *selection) selected() ostiary.Selection {
	if s == nil {
		return ostiary.Selection{}
	}
	return ostiary.Selection(*s)
}

// CreateToken is POST /tokens.
func (a *API) CreateToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	if err := a.fresh(c); err != nil {
		return err
	}
	if err := a.linked(r.Context(), c); err != nil {
		return err
	}
	in, err := readJSON[newToken](a, w, r)
	if err != nil {
		return err
	}
	spec := in.spec()
	if err := spec.CheckNames(a.isApp); err != nil {
		return answerTo(err)
	}
	t, secret, err := a.Tokens.Create(r.Context(), c.User, spec, c.actor())
	if err != nil {
		return answerTo(err)
	}
	writeMade(w, http.StatusCreated, t, secret)
	return nil
}

func (a *API) isApp(id string) bool {
	_, ok := a.Catalogue.App(id)
	return ok
}

func writeMade(w http.ResponseWriter, status int, t identity.Personal, secret ostiary.Secret) {
	view := viewToken(t)
	view.Token = secret.Reveal()
	writeJSON(w, status, view)
}

// linked refuses who has still to link an account that is required.
func (a *API) linked(ctx context.Context, c Caller) error {
	missing, err := a.Users.Unlinked(ctx, c.User, a.Required)
	if err == nil && len(missing) > 0 {
		return visit.Refuse(http.StatusForbidden, "link_required", "Link an account at these providers first, at /account/providers: %s.", strings.Join(missing, ", "))
	}
	return err
}

// fresh refuses a sign-in that is too old for making tokens.
func (a *API) fresh(c Caller) error {
	if a.clock.Now().Sub(c.Operator.SignedIn) > a.Reauth {
		return answerTo(identity.ErrStaleSignIn)
	}
	return nil
}

// owned returns the caller's own token that the address names.
func (a *API) owned(r *http.Request, c Caller) (identity.Personal, error) {
	t, err := a.Tokens.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return t, answerTo(err)
	}
	if t.Owner != c.User.ID {
		return identity.Personal{}, visit.NotFound()
	}
	return t, nil
}

type narrowing struct {
	Name  *string    `json:"name,omitempty"`
	Tier  *string    `json:"tier,omitempty"`
	Apps  *selection `json:"apps,omitempty"`
	Tools *selection `json:"tools,omitempty"`
	Sites *selection `json:"sites,omitempty"`
	TTL   *int64     `json:"ttl,omitempty"` // seconds from now
	CIDRs *cidrs     `json:"cidrs,omitempty"`
}

func (n narrowing) change() identity.Narrowing {
	change := identity.Narrowing{
		Name: n.Name, CIDRs: (*[]netip.Prefix)(n.CIDRs),
		Apps: (*ostiary.Selection)(n.Apps), Tools: (*ostiary.Selection)(n.Tools), Sites: (*ostiary.Selection)(n.Sites),
	}
	if n.Tier != nil {
		tier, _ := ostiary.ParseTier(*n.Tier)
		change.Tier = &tier
	}
	if n.TTL != nil {
		ttl := visit.Seconds(*n.TTL)
		change.TTL = &ttl
	}
	return change
}

// NarrowToken is PATCH /tokens/{id}.
func (a *API) NarrowToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	t, err := a.owned(r, c)
	if err != nil {
		return err
	}
	in, err := readJSON[narrowing](a, w, r)
	if err != nil {
		return err
	}
	if t, err = a.Tokens.Narrow(r.Context(), t.ID, in.change(), c.actor()); err != nil {
		return answerTo(err)
	}
	writeJSON(w, http.StatusOK, viewToken(t))
	return nil
}

// RotateToken is POST /tokens/{id}/rotate.
func (a *API) RotateToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	t, err := a.owned(r, c)
	if err != nil {
		return err
	}
	if err := a.fresh(c); err != nil {
		return err
	}
	if err := a.linked(r.Context(), c); err != nil {
		return err
	}
	t, secret, err := a.Tokens.Rotate(r.Context(), t, c.actor())
	if err != nil {
		return answerTo(err)
	}
	writeMade(w, http.StatusOK, t, secret)
	return nil
}

// DeleteToken is DELETE /tokens/{id}: one's own in a browser session, those
// of the tenant with the right admin.
func (a *API) DeleteToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	if !c.browser() && !c.admin() {
		return browserOnly()
	}
	t, err := a.Tokens.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answerTo(err)
	}
	if !a.maySee(c, t) {
		return visit.NotFound()
	}
	reason := "revoked by its owner"
	if t.Owner != c.User.ID {
		reason = "revoked by an operator"
	}
	if _, err := a.Tokens.Revoke(r.Context(), t.ID, reason, c.actor()); err != nil {
		return answerTo(err)
	}
	return done(w)
}
