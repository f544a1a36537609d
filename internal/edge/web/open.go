package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
)

// openApp is GET /oauth/authorize?app=…: a person opens an app, or more of its
// tools, or a higher tier, for agents that they have connected. The agents go
// on with the tokens that they have.
func (s *Web) openApp(w http.ResponseWriter, r *http.Request, v visit.Visitor, q url.Values) error {
	if !v.SignedIn() {
		redirect(w, r, signInPage(here(r), false))
		return nil
	}
	o, err := s.opening(r, v, q)
	if err != nil {
		return err
	}
	return s.showOpening(w, v, o, http.StatusOK, answered{}, "")
}

// An opening is an app that a visitor can open, and for whom.
type opening struct {
	app      offeredApp
	sessions []session.Session
	asked    []string // scopes, to be told
	scopes   []string // of the app that a rule demands, besides tiers
	path     string   // of the form
}

func (s *Web) opening(r *http.Request, v visit.Visitor, q url.Values) (opening, error) {
	id := q.Get("app")
	if len(q["app"]) > 1 || len(q["scope"]) > 1 || q.Has("handle") {
		return opening{}, visit.Refuse(http.StatusBadRequest, "invalid_request", "This link can't be read.")
	}
	app, ok := s.Catalogue.App(id)
	if !ok {
		return opening{}, visit.NotFound()
	}
	who, err := s.giver(r.Context(), v)
	if err != nil {
		return opening{}, err
	}
	offered := offeredApp{App: app, tier: ostiary.TierAdmin}
	offered.tools = s.offeredTools(r.Context(), who, nil, offered)
	out := opening{app: offered, scopes: s.demanded(id), asked: session.ParseScopes(q.Get("scope")), path: "/oauth/authorize?" + url.Values{"app": {id}, "scope": {q.Get("scope")}}.Encode()}
	all, err := s.before(r.Context(), v, "")
	for _, ses := range all {
		if !ses.Machine && s.opens(ses, id) {
			out.sessions = append(out.sessions, ses)
		}
	}
	return out, err
}

// demanded are the scopes of an app that a rule demands and no tier holds.
func (s *Web) demanded(app string) (all []string) {
	for _, scope := range s.Rules.Scopes() {
		_, tiered := ostiary.ParseTier(strings.TrimPrefix(scope, app+":"))
		if session.AppOf(scope) == app && !tiered && !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// opens says whether an app can be opened for a session: it is for an endpoint
// that has the app, and apps may be opened later, or this one is.
func (s *Web) opens(ses session.Session, app string) bool {
	at := func(resource string) bool { return resource == "/mcp" || resource == "/"+app+"/mcp" }
	return slices.ContainsFunc(ses.Resources, at) && (!s.NoIncremental || slices.Contains(ses.Authorized, app))
}

func (s *Web) showOpening(w http.ResponseWriter, v visit.Visitor, o opening, status int, a answered, problem string) error {
	a.Apps = []string{o.app.ID}
	page := pages.Open{
		Action: o.path, App: s.viewApps(offer{apps: []offeredApp{o.app}}, a)[0], Asked: strings.Join(o.asked, " "), NoTools: s.NoConsent,
		Tier: a.Tier, Shown: o.app.categories(), Problem: problem,
	}
	for _, scope := range o.scopes {
		page.Scopes = append(page.Scopes, pages.OpenScope{Scope: scope, Checked: slices.Contains(a.scopes, scope), Needed: slices.Contains(o.asked, scope)})
	}
	for _, ses := range o.sessions {
		view := s.viewAgent(ses, ses.Created)
		page.Agents = append(page.Agents, pages.OpenFor{ConnectedAgent: view, Checked: slices.Contains(a.sessions, view.ID)})
	}
	return s.show(w, status, v, page)
}

// OpenApp is POST /oauth/authorize?app=….
func (s *Web) OpenApp(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "The address can't be read.")
	}
	o, err := s.opening(r, v, q)
	if err != nil {
		return err
	}
	if f.one("decision") != "allow" {
		redirect(w, r, agentsPath)
		return nil
	}
	if sent, err := s.linkFirst(w, r, v, o.path); sent || err != nil {
		return err
	}
	a := answeredIn(f)
	a.sessions, a.scopes = f.all("sessions"), f.all("scopes")
	problem := o.problem(a)
	if problem == "" {
		problem, err = s.widen(r, v, o, a, f.all("shown"))
	}
	if err != nil {
		return orNoSession(err)
	}
	if problem != "" {
		return s.showOpening(w, v, o, http.StatusUnprocessableEntity, a, problem)
	}
	redirect(w, r, agentsPath+"?done=widen")
	return nil
}

// problem says why an answer comes back to who gave it; "" where it is one.
func (o opening) problem(a answered) string {
	if _, ok := ostiary.ParseTier(a.Tier); a.Tier != "" && !ok {
		return "Choose how far the agent reaches, among what is on offer."
	}
	here := func(ses session.Session) bool { return slices.Contains(a.sessions, string(ses.ID)) }
	if !slices.ContainsFunc(o.sessions, here) {
		return "Choose the agents that this is for."
	}
	return ""
}

// widening is what is added, at most what is on offer now and stood on the
// page; tools for admin rights only for an agent that has them.
func (o opening) widening(a answered, shown []string, keepAdmin bool) session.Widening {
	app := o.app
	app.tools = slices.DeleteFunc(slices.Clone(app.tools), func(t offeredTool) bool { return t.admin && !keepAdmin })
	w := session.Widening{Apps: []string{app.ID}}
	w.Tier, _ = ostiary.ParseTier(a.Tier)
	for _, scope := range a.scopes {
		if tier, ok := o.tierOf(scope); ok {
			w.Tier = max(w.Tier, tier)
		} else if slices.Contains(o.scopes, scope) {
			w.Scopes = append(w.Scopes, scope)
		}
	}
	for _, id := range a.Tools {
		if app.offers(id) {
			w.Tools = append(w.Tools, id)
		}
	}
	categories := slices.DeleteFunc(app.categories(), func(c string) bool { return !slices.Contains(shown, c) })
	w.Shown = map[string][]string{app.ID: categories}
	return w
}

// tierOf is the tier that a scope is on the app.
func (o opening) tierOf(scope string) (ostiary.Tier, bool) {
	app, what, _ := strings.Cut(scope, ":")
	tier, ok := ostiary.ParseTier(what)
	return tier, ok && (app == "mcp" || app == o.app.ID)
}

// widen adds to each of the visitor's chosen sessions.
func (s *Web) widen(r *http.Request, v visit.Visitor, o opening, a answered, shown []string) (problem string, err error) {
	for _, ses := range o.sessions {
		if !slices.Contains(a.sessions, string(ses.ID)) {
			continue
		}
		_, err := s.AgentSessions.Widen(r.Context(), ses.ID, v.User.ID, o.widening(a, shown, ses.KeepAdmin))
		if errors.Is(err, session.ErrCeiling) {
			return "One of these agents can't be given so much: the client was set up with less.", nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}
