package api

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// ListGrants is GET /grants.
func (a *API) ListGrants(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "subject", "tool", "state")
	if err != nil {
		return err
	}
	if q.Has("state") {
		if err := allow("state", q.Get("state"), "approved", "denied", "suspended", "used", "expired", "revoked"); err != nil {
			return err
		}
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	filter := approval.GrantFilter{
		Subject: ostiary.Subject(q.Get("subject")), Tool: ostiary.ToolID(q.Get("tool")), State: approval.State(q.Get("state")),
	}
	grants, next, err := a.Approvals.Grants(r.Context(), c.decider(), filter, of.limit, of.cursor)
	if err != nil {
		return err
	}
	writeList(w, a, of, grants, next)
	return nil
}

// DeleteGrant is DELETE /grants/{id}: it takes a yes back, or lifts a no. One's
// own take the right to approve, others' to be an operator.
func (a *API) DeleteGrant(w http.ResponseWriter, r *http.Request, c Caller) error {
	g, err := a.Approvals.Grant(r.Context(), r.PathValue("id"))
	if err != nil {
		return answerTo(err)
	}
	own := g.Subject == c.User.ID && g.Tenant == c.Tenant
	switch {
	case !g.MaySee(c.decider()):
		return visit.NotFound()
	case !own && !c.admin():
		return visit.Refuse(http.StatusForbidden, "right_missing", "Somebody else's grants take the right admin.")
	}
	by := approval.UserRevoker(c.User.ID, c.name())
	if !own {
		by.Source = "admin"
	}
	if _, err := a.Approvals.Revoke(r.Context(), g.ID, by, ""); err != nil {
		return answerTo(err)
	}
	return done(w)
}

type newGrant struct {
	Subject   ostiary.Subject   `json:"subject"`
	Tool      ostiary.ToolID    `json:"tool"`
	Scope     approval.Scope    `json:"scope"`
	Session   ostiary.SessionID `json:"session,omitempty"`
	TTL       int64             `json:"ttl,omitempty"` // seconds
	Client    ostiary.ClientID  `json:"client,omitempty"`
	Site      ostiary.Site      `json:"site,omitempty"`
	GrantedBy *grantedBy        `json:"granted_by,omitempty"`
	Reason    string            `json:"reason,omitempty"`
}

type grantedBy struct {
	Source      string `json:"source"`
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name,omitempty"`
}

// CreateGrant is POST /grants.
func (a *API) CreateGrant(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[newGrant](a, w, r)
	if err != nil {
		return err
	}
	if err := in.plain(); err != nil {
		return err
	}
	user, err := a.userOf(r.Context(), c, in.Subject)
	if err != nil {
		return err
	}
	offer := a.Catalogue.Now().ByID(in.Tool)
	if offer == nil {
		return visit.NotFound()
	}
	d := approval.Direct{
		Tenant: a.Users.Tenant(user), Subject: user.ID, Tool: offer.Tool, Scope: in.Scope, Session: in.Session, Client: in.Client,
		Site: in.Site, TTL: visit.Seconds(in.TTL), Reason: in.Reason,
	}
	if d.GrantedBy, err = in.GrantedBy.grantor(); err != nil {
		return err
	}
	rule := a.Rules.Of(offer.Tool)
	if err := siteFits(rule.Site.Scoped, in.Site); err != nil {
		return err
	}
	g, err := a.Approvals.GrantDirect(r.Context(), d, rule, c.decider(), a.Reauth)
	if err != nil {
		return answerTo(err)
	}
	writeJSON(w, http.StatusCreated, g)
	return nil
}

// siteFits: a grant whose site is not that of any call would let nothing
// through, and its maker would not learn why.
func siteFits(scoped bool, site ostiary.Site) error {
	switch {
	case scoped && site == "":
		return visit.Refuse(http.StatusUnprocessableEntity, "site_missing", "This tool acts in a site: say in which.")
	case !scoped && site != "":
		return visit.Refuse(http.StatusUnprocessableEntity, "site_not_allowed", "This tool acts in no site.")
	}
	return nil
}

// grantor is who gave the yes, as the operator says; they can't say that it
// was given interactively.
func (g *grantedBy) grantor() (approval.Grantor, error) {
	if g == nil {
		return approval.Grantor{}, nil
	}
	if g.Source == "" || g.Identifier == "" {
		return approval.Grantor{}, invalid("granted_by needs source and identifier.")
	}
	return approval.Grantor{Source: g.Source, Identifier: g.Identifier, DisplayName: g.DisplayName, Method: "api", Origin: "api"}, nil
}

// userOf reads a person whom the caller may know of: themself, and as an
// operator those of their tenant.
func (a *API) userOf(ctx context.Context, c Caller, id ostiary.Subject) (identity.User, error) {
	user, err := a.Users.Get(ctx, id)
	if err != nil {
		return user, answerTo(err)
	}
	if id != c.User.ID && !(c.seesAll() && c.reaches(a.Users.Tenant(user))) {
		return identity.User{}, visit.NotFound()
	}
	return user, nil
}
