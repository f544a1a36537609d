package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/policy"
)

// endpoint is where the API looks at tools from.
const endpoint = "/mcp"

// A Tool is one that an app offers, with the rule over it.
type Tool struct {
	ID         ostiary.ToolID  `json:"id"`
	App        string          `json:"app"`
	Name       string          `json:"name"` // at /mcp
	Digest     ostiary.Digest  `json:"digest"`
	Accepted   ostiary.Digest  `json:"accepted_digest,omitzero"`
	Pinned     bool            `json:"pinned"`
	Pending    bool            `json:"pending"` // waits for an operator to accept its definition
	Definition json.RawMessage `json:"definition"`
	Rule       Rule            `json:"rule"`
}

// A Rule is everything the operator said about one tool.
type Rule struct {
	Category string                  `json:"category"`
	Scopes   []string                `json:"scopes,omitempty"`
	Roles    []string                `json:"required_roles,omitempty"`
	AnyRole  bool                    `json:"any_role,omitempty"`
	Site     *SiteRule               `json:"site,omitempty"`
	Rate     *RateRule               `json:"rate_limit,omitempty"`
	Approval *ApprovalRule           `json:"approval,omitempty"`
	Hidden   bool                    `json:"hidden,omitempty"` // no entry names it, and such tools are unreachable
	Sources  map[policy.Group]string `json:"sources,omitempty"`
}

// A SiteRule says which argument holds the site that a call acts in.
type SiteRule struct {
	Field         string `json:"site_id_field"`
	AdminRequired bool   `json:"admin_required"`
}

// A RateRule says how often a tool may be called, and by whom together.
type RateRule struct {
	Per    policy.Per `json:"per"`
	Calls  int64      `json:"calls"`
	Window int64      `json:"window"` // seconds
}

// An ApprovalRule says which calls need a yes, and how far one reaches.
type ApprovalRule struct {
	Required     bool             `json:"required"`
	Skip         bool             `json:"skip"`
	AlwaysPrompt bool             `json:"always_prompt"`
	DefaultScope string           `json:"default_scope"`
	Scopes       []string         `json:"allowed_scopes"`
	MaxTTL       int64            `json:"max_ttl"` // seconds
	Risk         policy.Risk      `json:"risk_level"`
	Message      string           `json:"message,omitempty"`
	Approvers    policy.Approvers `json:"approvers"`
}

func viewRule(r *policy.Rule) Rule {
	v := Rule{Category: r.Category.String(), Scopes: r.Scopes, Roles: r.Roles.Names, AnyRole: r.Roles.Any, Hidden: r.Hidden, Sources: r.Sources}
	if r.Site.Scoped {
		v.Site = &SiteRule{r.Site.Field, r.Site.AdminRequired}
	}
	if r.Rate != nil {
		v.Rate = &RateRule{r.Rate.Per, r.Rate.Calls, int64(r.Rate.Window / time.Second)}
	}
	if a := r.Approval; a.Required || a.Skip {
		v.Approval = &ApprovalRule{a.Required, a.Skip, a.AlwaysPrompt, a.DefaultScope, a.Scopes, int64(a.MaxTTL / time.Second), a.Risk, a.Message, a.Approvers}
	}
	return v
}

// ViewTool is an offered tool as GET /tools shows it.
func ViewTool(o *catalogue.Offer, r Rules) Tool {
	t := o.Tool
	v := Tool{
		ID: t.ID, App: t.App, Name: o.WireName, Digest: t.Digest, Accepted: t.Accepted, Pinned: t.Pinned,
		Pending: t.Pinned && t.Accepted != t.Digest, Definition: t.Definition, Rule: viewRule(r.Of(t)),
	}
	if o.Pending {
		v.Definition = o.Now
	}
	return v
}

// ListTools is GET /tools: to operators all there are, or those that a
// subject may know of; to everybody else those that they may know of.
func (a *API) ListTools(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "subject")
	if err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	known, err := a.knownTo(r, c, ostiary.Subject(q.Get("subject")))
	if err != nil {
		return err
	}
	var items []Tool
	next := ""
	for _, o := range a.Catalogue.Now().Tools("") { // in the order of their names
		if o.WireName <= of.cursor || !known(o.Tool) {
			continue
		}
		if len(items) == of.limit {
			next = items[of.limit-1].Name
			break
		}
		items = append(items, ViewTool(o, a.Rules))
	}
	writeList(w, a, of, items, next)
	return nil
}

// knownTo says of a tool whether a subject may know of it.
func (a *API) knownTo(r *http.Request, c Caller, subject ostiary.Subject) (func(*ostiary.Tool) bool, error) {
	if subject == "" {
		if c.seesAll() {
			return func(*ostiary.Tool) bool { return true }, nil
		}
		subject = c.User.ID
	}
	user, err := a.userOf(r.Context(), c, subject)
	if err != nil {
		return nil, err
	}
	p, err := a.person(r.Context(), user, identity.PersonalClient)
	if err != nil {
		return nil, err
	}
	return func(t *ostiary.Tool) bool { return a.Guard.Visible(r.Context(), p, t, endpoint) }, nil
}

// person is a user as they could call at most; the zero Principal, whom every
// gate refuses, when agents may not call for them.
func (a *API) person(ctx context.Context, user identity.User, client ostiary.ClientID) (*ostiary.Principal, error) {
	p, err := a.Resolver.Person(ctx, user, client)
	if p == nil {
		p = &ostiary.Principal{}
	}
	return p, err
}

// AcceptTool is POST /tools/{id}/accept. With ?digest= it accepts that
// definition and no other.
func (a *API) AcceptTool(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "digest")
	if err != nil {
		return err
	}
	var seen ostiary.Digest
	if q.Has("digest") {
		if seen, err = ostiary.ParseDigest(q.Get("digest")); err != nil {
			return invalid("digest is no digest (like sha256:…).")
		}
	}
	if r.ContentLength != 0 {
		if _, err := readJSON[struct{}](a, w, r); err != nil {
			return err
		}
	}
	id := ostiary.ToolID(r.PathValue("id"))
	if err := a.Catalogue.Accept(r.Context(), id, seen, c.actor()); err != nil {
		return answerTo(err)
	}
	o := a.Catalogue.Now().ByID(id)
	if o == nil {
		return visit.NotFound()
	}
	writeJSON(w, http.StatusOK, ViewTool(o, a.Rules))
	return nil
}
