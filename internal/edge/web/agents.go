package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
)

const agentsPath = "/account/agents"

// Agents is GET /account/agents.
func (s *Web) Agents(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	page := pages.Agents{Done: r.URL.Query().Get("done")}
	var err error
	if page.Agents, err = s.agents(r.Context(), v); err != nil {
		return err
	}
	if page.Remembered, err = s.rememberedConsents(r.Context(), v); err != nil {
		return err
	}
	if s.Pending != nil {
		for _, a := range s.Catalogue.Apps() {
			page.Apps = append(page.Apps, pages.Choosable{ID: a.ID, Name: a.Name})
		}
	}
	return s.show(w, http.StatusOK, v, page)
}

// maxAgents bounds how many sessions a page shows.
const maxAgents = 200

// agents are the visitor's connected agents, those that work first.
func (s *Web) agents(ctx context.Context, v visit.Visitor) (working []pages.ConnectedAgent, err error) {
	var over []pages.ConnectedAgent
	sessions, _, err := s.AgentSessions.List(ctx, session.Filter{Subject: v.User.ID}, maxAgents, "")
	if err != nil {
		return nil, err
	}
	for _, ses := range sessions {
		used, err := s.Tokens.UsedAt(ctx, string(ses.ID))
		if err != nil {
			return nil, err
		}
		view := s.viewAgent(ses, used)
		if view.EndedAt.IsZero() {
			working = append(working, view)
		} else {
			over = append(over, view)
		}
	}
	return append(working, over...), nil
}

func (s *Web) viewAgent(ses session.Session, used time.Time) pages.ConnectedAgent {
	v := pages.ConnectedAgent{
		ID: string(ses.ID), Agent: agentThen(ses.Client),
		Tier: ses.Tier, Tools: ses.Consent.SelectedTools, KeepAdmin: ses.KeepAdmin,
		ConnectedAt: ses.Created, LastUsedAt: used, ExpiresAt: ses.Expires,
	}
	for _, app := range ses.Authorized {
		v.Apps = append(v.Apps, pages.Choosable{ID: app, Name: s.appName(app)})
	}
	switch {
	case ses.Revoked != nil:
		v.EndedAt, v.EndReason = *ses.Revoked, ses.Reason
	case !ses.Alive(s.clock.Now()):
		v.EndedAt, v.EndReason = ses.Expires, "its time is over"
	}
	return v
}

// agentThen is a session's client as it was when it was connected.
func agentThen(c session.Client) pages.Agent {
	a := pages.Agent{Name: c.Name, ID: string(c.ID), Known: "registered"}
	if !c.Verified {
		return a
	}
	a.Known = "operator"
	if u, err := url.Parse(a.ID); err == nil && u.Scheme == "https" {
		a.Known, a.Host = "domain", u.Hostname()
	}
	return a
}

// ChangeAgents is POST /account/agents.
func (s *Web) ChangeAgents(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	if f.one("action") == "forget" {
		if err := s.AgentSessions.Forget(r.Context(), f.one("id"), actorOf(v)); err != nil {
			return orNoSession(err)
		}
		redirect(w, r, agentsPath+"?done=forget")
		return nil
	}
	ses, err := s.AgentSessions.Owned(r.Context(), v.User.ID, ostiary.SessionID(f.one("id")))
	if err != nil {
		return orNoSession(err)
	}
	done := f.one("action")
	switch done {
	case "revoke":
		_, err = s.AgentSessions.Revoke(r.Context(), ses.ID, "ended by its person", actorOf(v))
	case "close":
		_, err = s.AgentSessions.EndApp(r.Context(), ses.ID, f.one("app"), actorOf(v))
	default:
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
	if err != nil {
		return orNoSession(err)
	}
	redirect(w, r, agentsPath+"?done="+done)
	return nil
}

// orNoSession is for a session that isn't the visitor's, or that ended while
// they looked at the page.
func orNoSession(err error) error {
	switch {
	case errors.Is(err, session.ErrOver):
		return visit.Refuse(http.StatusConflict, "session_over", "This agent is not connected any more.")
	case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrNotYours):
		return visit.NotFound()
	}
	return err
}
