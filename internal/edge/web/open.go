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
	path     string   // of the form
}

func (s *Web) opening(r *http.Request, v visit.Visitor, q url.Values) (opening, error) {
	id := q.Get("app")
	if len(q["app"]) > 1 || len(q["scope"]) > 1 || q.Has("handle") {
		return opening{}, visit.Refuse(http.StatusBadRequest, "invalid_request", "This link can't be read.")
	}
	if _, ok := s.Catalogue.App(id); !ok {
		return opening{}, visit.NotFound()
	}
	o, err := s.offerOf(r.Context(), v, nil, ostiary.TierAdmin, func(app string) bool { return app == id })
	if err != nil {
		return opening{}, err
	}
	out := opening{app: o.apps[0], asked: session.ParseScopes(q.Get("scope")), path: "/oauth/authorize?" + url.Values{"app": {id}, "scope": {q.Get("scope")}}.Encode()}
	all, err := s.before(r.Context(), v, "")
	for _, ses := range all {
		if !ses.Machine && s.opens(ses, id) {
			out.sessions = append(out.sessions, ses)
		}
	}
	return out, err
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
	a.sessions = f.all("sessions")
	change, problem := o.widening(a, f.all("shown"))
	if problem == "" {
		problem, err = s.widen(r, v, o, a, change)
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

// widening is what is added, at most what is on offer now and stood on the page.
func (o opening) widening(a answered, shown []string) (w session.Widening, problem string) {
	tier, ok := ostiary.ParseTier(a.Tier)
	if a.Tier != "" && !ok {
		return w, "Choose how far the agent reaches, among what is on offer."
	}
	here := func(ses session.Session) bool { return slices.Contains(a.sessions, string(ses.ID)) }
	if !slices.ContainsFunc(o.sessions, here) {
		return w, "Choose the agents that this is for."
	}
	w = session.Widening{Tier: tier, Apps: []string{o.app.ID}}
	for _, id := range a.Tools {
		if o.app.offers(id) {
			w.Tools = append(w.Tools, id)
		}
	}
	categories := slices.DeleteFunc(o.app.categories(), func(c string) bool { return !slices.Contains(shown, c) })
	w.Shown = map[string][]string{o.app.ID: categories}
	return w, ""
}

// widen adds to each of the visitor's chosen sessions.
func (s *Web) widen(r *http.Request, v visit.Visitor, o opening, a answered, change session.Widening) (problem string, err error) {
	for _, ses := range o.sessions {
		if !slices.Contains(a.sessions, string(ses.ID)) {
			continue
		}
		_, err := s.AgentSessions.Widen(r.Context(), ses.ID, v.User.ID, change)
		if errors.Is(err, session.ErrCeiling) {
			return "One of these agents can't be given so much: the client was set up with less.", nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}
