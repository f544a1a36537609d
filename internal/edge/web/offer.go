package web

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/session"
)

// An offer is what a person can give an agent: at most what was asked for, and
// what they may know of themselves.
type offer struct {
	tier   ostiary.Tier // the highest on any app
	apps   []offeredApp
	sites  []ostiary.Site
	tenant ostiary.Tenant
	admin  bool // whether to keep admin rights is theirs to say
}

type offeredApp struct {
	catalogue.App
	state     string // authorized, pending, skipped
	skippable bool
	tier      ostiary.Tier // the highest
	scopes    []string     // of it, that were asked for by name
	tools     []offeredTool
}

type offeredTool struct {
	*catalogue.Offer
	category    ostiary.Category
	scopes      []string
	description string
	had         bool // agreed to for this agent before
	admin       bool // only with admin rights
}

// offer is what an agent that asks can be given by a visitor.
func (s *Web) offer(ctx context.Context, v visit.Visitor, asked pending.Asked) (offer, error) {
	reaches := func(app string) bool {
		at := func(resource string) bool { return resource == "/mcp" || resource == "/"+app+"/mcp" }
		return asked.Reaches(app) && slices.ContainsFunc(asked.Resources, at)
	}
	before, err := s.before(ctx, v, asked.Client.ID)
	if err != nil {
		return offer{}, err
	}
	who, err := s.giver(ctx, v)
	if err != nil {
		return offer{}, err
	}
	o := offer{tier: asked.MaxTier(), sites: who.plain.Sites, tenant: who.plain.Tenant, admin: who.admin != nil}
	for _, a := range s.Catalogue.Apps() {
		if reaches(a.ID) {
			app := offeredApp{App: a, state: before.state(a.ID), skippable: s.AllowSkip, tier: asked.TierIn(a.ID), scopes: asked.Of(a.ID)}
			app.tools = s.offeredTools(ctx, who, before, app)
			o.apps = append(o.apps, app)
		}
	}
	return o, nil
}

// A giver is who gives an agent something: as they are to agents, and as one
// that lets an agent keep their admin rights; nil: that is not theirs to say.
type giver struct{ plain, admin *ostiary.Principal }

func (s *Web) giver(ctx context.Context, v visit.Visitor) (g giver, err error) {
	if g.plain, err = s.person(ctx, v); err == nil && s.Admins == identity.AdminsStrip && s.isAdmin(v) {
		g.admin, err = s.Resolver.PersonAsAdmin(ctx, v.User, identity.PersonalClient)
	}
	return g, err
}

// offeredTools are the tools of an app that can be given at its highest tier.
func (s *Web) offeredTools(ctx context.Context, who giver, before earlier, app offeredApp) (all []offeredTool) {
	for _, t := range s.Catalogue.Now().Tools("") {
		rule := s.Rules.Of(t.Tool)
		if t.Tool.App != app.ID || !app.tier.Reaches(rule.Category) {
			continue
		}
		plain := s.Guard.Visible(ctx, who.plain, t.Tool, "/mcp")
		if plain || who.admin != nil && s.Guard.Visible(ctx, who.admin, t.Tool, "/mcp") {
			all = append(all, offeredTool{t, rule.Category, rule.Scopes, described(t.Tool), before.had(t.Tool.ID, rule.Category), !plain})
		}
	}
	return all
}

// isAdmin says whether the visitor has rights that agents get only by a tick.
func (s *Web) isAdmin(v visit.Visitor) bool { return identity.AdminsReject.Refuses(s.Users, v.User) }

// shown is the offer as the request keeps it.
func (o offer) shown() []pending.App {
	var all []pending.App
	for _, a := range o.apps {
		app := pending.App{ID: a.ID, Skippable: a.skippable}
		for _, t := range a.tools {
			app.Tools = append(app.Tools, pending.Tool{ID: t.Tool.ID, Category: t.category.String(), Definition: t.Tool.Digest.String(), Admin: t.admin})
		}
		all = append(all, app)
	}
	return all
}

// among is the offer without what was not shown when the page was first opened:
// nothing else can be given.
func (o offer) among(shown []pending.App) offer {
	was := map[string]bool{}
	for _, a := range shown {
		was[a.ID] = true
		for _, t := range a.Tools {
			was[string(t.ID)] = true
		}
	}
	o.apps = slices.DeleteFunc(slices.Clone(o.apps), func(a offeredApp) bool { return !was[a.ID] })
	for i := range o.apps {
		o.apps[i].tools = slices.DeleteFunc(slices.Clone(o.apps[i].tools), func(t offeredTool) bool { return !was[string(t.Tool.ID)] })
	}
	return o
}

func described(t *ostiary.Tool) string {
	var d struct{ Description string }
	_ = json.Unmarshal(t.Definition, &d) // what can't be read describes nothing
	return d.Description
}

// app returns an app that is on offer.
func (o offer) app(id string) (offeredApp, bool) {
	i := slices.IndexFunc(o.apps, func(a offeredApp) bool { return a.ID == id })
	if i < 0 {
		return offeredApp{}, false
	}
	return o.apps[i], true
}

// offers says whether an id is a tool of the app, or all of them.
func (a offeredApp) offers(id string) bool { return id == a.ID+":*" && len(a.tools) > 0 || a.has(id) }

// categories are those of the app's tools on offer.
func (a offeredApp) categories() []string {
	var all []string
	for _, t := range a.tools {
		if name := t.category.String(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func (a offeredApp) has(id string) bool {
	return slices.ContainsFunc(a.tools, func(t offeredTool) bool { return string(t.Tool.ID) == id })
}

// earlier are the sessions in force of a person's agent, to tell what is new.
type earlier []session.Session

func (s *Web) before(ctx context.Context, v visit.Visitor, id ostiary.ClientID) (earlier, error) {
	sessions, _, err := s.AgentSessions.List(ctx, session.Filter{Subject: v.User.ID, Client: id}, maxAgents, "")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sessions, func(ses session.Session) bool { return !ses.Alive(s.clock.Now()) }), nil
}

func (e earlier) state(app string) string {
	state := "pending"
	for _, ses := range e {
		if slices.Contains(ses.Authorized, app) {
			return "authorized"
		}
		if slices.Contains(ses.Skipped, app) {
			state = "skipped"
		}
	}
	return state
}

func (e earlier) had(id ostiary.ToolID, c ostiary.Category) bool {
	return slices.ContainsFunc(e, func(ses session.Session) bool {
		whole := slices.Contains(ses.Consent.SelectedTools, id.App()+":*") && slices.Contains(ses.Consent.Shown[id.App()], c.String())
		return whole || slices.Contains(ses.Consent.SelectedTools, string(id))
	})
}

// belongs says whether a person belongs to what owns a client: an app that is
// there and that they may use something of, and one of its sites.
func (o offer) belongs(to client.Owner) bool {
	if to.App != "" {
		if app, ok := o.app(to.App); !ok || len(app.tools) == 0 {
			return false
		}
	}
	return session.Owner{Tenant: to.Tenant, Sites: to.Sites}.Has(o.tenant, o.sites)
}
