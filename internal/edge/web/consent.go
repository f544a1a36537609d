package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// A consent is an authorization request before the person whose it is.
type consent struct {
	request pending.Request
	client  client.Client
	offer   offer
}

func (c consent) agent() pages.Agent { return agentOf(c.client) }

// Consent is GET /oauth/consent/{id} and its kin: one route a kind of client.
func (s *Web) Consent(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	c, err := s.consent(r, v)
	if err != nil {
		return err
	}
	if why := s.unfit(c, v); why != nil {
		redirect(w, r, s.refusalURI(c.request.Asked.Redirect, c.request.Asked.State, *why))
		return nil
	}
	if wantsJSON(r) {
		return s.consentState(w, r, v, c)
	}
	if sent, err := s.linkFirst(w, r, v, r.URL.Path); sent || err != nil {
		return err
	}
	d, again, err := s.recalled(r.Context(), c, r.URL.Query().Has("choose"))
	if err != nil {
		return err
	}
	if again {
		return s.showAgain(w, r, v, c, d)
	}
	return s.showConsent(w, r, v, c, http.StatusOK, s.proposed(c.offer), "")
}

// consent finds the request that the address names, in the browser that began
// it, and makes it the visitor's. What is offered first is what can be given.
func (s *Web) consent(r *http.Request, v visit.Visitor) (consent, error) {
	ctx, at := r.Context(), s.visitOf(r, v)
	req, err := s.Pending.Bind(ctx, at, v.Session.SignedIn)
	if err != nil {
		return consent{}, orNoRequest(err)
	}
	if consentPath(req) != r.URL.Path {
		return consent{}, visit.NotFound()
	}
	c := consent{request: req}
	if c.client, err = s.Clients.Find(ctx, req.Asked.Client.ID); err != nil {
		return c, orNoClient(err)
	}
	if c.offer, err = s.offer(ctx, v, req.Asked); err != nil {
		return c, err
	}
	if c.request, err = s.Pending.Show(ctx, at, c.offer.shown()); err != nil {
		return c, orNoRequest(err)
	}
	c.offer = c.offer.among(c.request.Offered)
	return c, nil
}

func (s *Web) visitOf(r *http.Request, v visit.Visitor) pending.Visit {
	return pending.Visit{ID: r.PathValue("id"), Browser: s.Browsers.MarkOf(r), Subject: v.User.ID}
}

func orNoRequest(err error) error {
	switch {
	case errors.Is(err, pending.ErrBrowser), errors.Is(err, pending.ErrPerson):
		return visit.Refuse(http.StatusForbidden, "forbidden", "This was begun by another person, or in another browser.")
	case errors.Is(err, pending.ErrNotFound), errors.Is(err, pending.ErrNotShown):
		return visit.NotFound()
	case errors.Is(err, identity.ErrUserNotFound):
		return visit.Refuse(http.StatusForbidden, "forbidden", "Your account is disabled.")
	}
	return err
}

// orNoClient is for a client that is gone since it asked.
func orNoClient(err error) error {
	if errors.Is(err, client.ErrUnknown) {
		return visit.NotFound()
	}
	return err
}

// unfit says why this person can't give this agent anything; nil: they can.
func (s *Web) unfit(c consent, v visit.Visitor) *refusal {
	if s.Admins.Refuses(s.Users, v.User) {
		return &refusal{"access_denied", "agents may not act for people with admin rights here"}
	}
	if c.client.Kind.Rules().Owned && !c.offer.belongs(c.client.Owner) {
		return &refusal{"access_denied", "this client belongs to others"}
	}
	return nil
}

// proposed is the form before anybody touched it.
func (s *Web) proposed(o offer) answered {
	a := answered{Expires: int64(s.GrantDefault / time.Second)}
	for _, app := range o.apps {
		for _, t := range app.tools {
			if s.Preselect == "all" || s.Preselect == "read" && t.category == ostiary.CategoryRead {
				a.Tools = append(a.Tools, string(t.Tool.ID))
			}
		}
		if s.Preselect == "all" || s.Preselect == "read" && len(a.Tools) > 0 && ostiary.ToolID(a.Tools[len(a.Tools)-1]).App() == app.ID {
			a.Apps = append(a.Apps, app.ID)
		}
	}
	return a
}

// AnswerConsent is POST /oauth/consent/{id} and its kin, for forms and JSON. Who
// presses twice hears twice what came of it.
func (s *Web) AnswerConsent(w http.ResponseWriter, r *http.Request, v visit.Visitor, a answered) error {
	said, err := a.said()
	if err != nil {
		return err
	}
	err = s.decideConsent(w, r, v, a, said)
	if err == nil || visit.AsError(err).Status != http.StatusNotFound {
		return err
	}
	out, failed := s.Pending.Again(r.Context(), s.visitOf(r, v), said)
	switch {
	case errors.Is(failed, pending.ErrNotFound):
		return err
	case failed != nil:
		return failed
	case consentPath(pending.Request{ID: r.PathValue("id"), Asked: out.Asked}) != r.URL.Path:
		return err
	}
	return s.answerAgent(w, r, v, out)
}

func (s *Web) decideConsent(w http.ResponseWriter, r *http.Request, v visit.Visitor, a answered, said string) error {
	c, err := s.consent(r, v)
	if err != nil {
		return err
	}
	if a.Decision != "allow" && a.Decision != "deny" {
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "The decision is allow or deny.")
	}
	allow := a.Decision == "allow"
	if problem := a.problem(c.offer, s.GrantMax); allow && problem != "" {
		if wantsJSON(r) {
			return visit.Refuse(http.StatusUnprocessableEntity, "not_offered", "%s", problem)
		}
		return s.showConsent(w, r, v, c, http.StatusUnprocessableEntity, a, problem)
	}
	if why := s.unfit(c, v); allow && why != nil {
		a.Decision, allow = "deny", false
	}
	if allow {
		if sent, err := s.linkFirst(w, r, v, r.URL.Path); sent || err != nil {
			return err
		}
		if err := s.keepClient(r.Context(), c, a); err != nil {
			return err
		}
	}
	d := a.decision(c.offer)
	d.Said = said
	out, err := s.Pending.Decide(r.Context(), s.visitOf(r, v), d)
	if err != nil {
		return orNoRequest(err)
	}
	return s.answerAgent(w, r, v, out)
}

// keepClient has the client be known as long as what it is given.
func (s *Web) keepClient(ctx context.Context, c consent, a answered) error {
	ttl := visit.Seconds(a.Expires)
	if ttl == 0 {
		ttl = s.GrantDefault
	}
	return s.Clients.Used(ctx, c.client.ID, s.clock.Now().Add(ttl))
}

func (s *Web) answerAgent(w http.ResponseWriter, r *http.Request, v visit.Visitor, out pending.Outcome) error {
	agent := pages.Agent{Name: out.Asked.Client.Name, ID: string(out.Asked.Client.ID)}
	if out.Used {
		if wantsJSON(r) {
			return visit.NotFound()
		}
		return s.show(w, http.StatusOK, v, pages.Connected{Agent: agent, Yes: true})
	}
	to := s.refusalURI(out.Redirect, out.State, refusal{"access_denied", "the person said no"})
	if out.Code != "" {
		to = s.answerURI(out.Redirect, out.State, url.Values{"code": {out.Code.Reveal()}})
	}
	if wantsJSON(r) {
		return writeJSON(w, http.StatusOK, map[string]string{"redirect_to": to})
	}
	return s.sendBack(w, r, v, agent, to, out.Code != "")
}

// ErrandOf is the agent that a visitor is on the way to; the zero Agent for
// none, or somebody else's.
func (s *Web) errandOf(r *http.Request, next string) pages.Agent {
	rest, ok := strings.CutPrefix(next, "/oauth/consent/")
	if !ok || s.Pending == nil {
		return pages.Agent{}
	}
	id, _, _ := strings.Cut(rest, "/")
	req, err := s.Pending.Find(r.Context(), id, s.Browsers.MarkOf(r))
	if err != nil {
		return pages.Agent{}
	}
	return pages.Agent{Name: req.Asked.Client.Name, ID: string(req.Asked.Client.ID)}
}
