package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
)

// ListSessions is GET /admin/sessions: of everybody, of a person or of a client.
func (s *Web) ListSessions(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	l, err := s.listing(r, v)
	if err != nil {
		return err
	}
	f := session.Filter{Subject: ostiary.Subject(l.query.Get("subject")), Client: ostiary.ClientID(l.query.Get("client")), Tenant: v.Tenant}
	text, state := l.query.Get("q"), l.query.Get("state")
	list := func(limit int, cursor string) ([]session.Session, string, error) {
		return s.AgentSessions.List(r.Context(), f, limit, cursor)
	}
	now := s.clock.Now()
	found, next, err := look(list, l.cursor, func(ses session.Session) bool {
		return says(text, ses.Client.Name, string(ses.Client.ID), string(ses.Subject)) && (state == "" || ses.Alive(now) == (state == "working"))
	})
	if err != nil {
		return err
	}
	page := pages.Sessions{
		Search:  pages.Search{Text: text, State: state, Next: s.next(r, l, next)},
		Subject: string(f.Subject), Client: string(f.Client), Tenant: string(v.Tenant),
	}
	if page.Sessions, err = s.viewSessions(r.Context(), found); err != nil {
		return err
	}
	return s.show(w, http.StatusOK, v, page)
}

func (s *Web) viewSessions(ctx context.Context, sessions []session.Session) (all []pages.AgentSession, err error) {
	for _, ses := range sessions {
		view, err := s.viewSession(ctx, ses)
		if err != nil {
			return nil, err
		}
		all = append(all, view)
	}
	return all, nil
}

func (s *Web) viewSession(ctx context.Context, ses session.Session) (pages.AgentSession, error) {
	used, err := s.Tokens.UsedAt(ctx, string(ses.ID))
	return pages.AgentSession{
		ConnectedAgent: s.viewAgent(ses, used), Subject: string(ses.Subject), Machine: ses.Machine, Tenant: string(ses.Tenant),
		Resources: ses.Resources, Scopes: ses.Scopes, SignedInAt: ses.AuthTime,
	}, err
}

// sessionOf is the session that the address names, where the operator sees it.
func (s *Web) sessionOf(r *http.Request, v visit.Visitor) (session.Session, error) {
	ses, err := s.AgentSessions.Find(r.Context(), ostiary.SessionID(r.PathValue("id")))
	if err == nil && !reaches(v, ses.Tenant) {
		return session.Session{}, visit.NotFound()
	}
	return ses, orNoSession(err)
}

// Session is GET /admin/sessions/{id}.
func (s *Web) Session(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	ses, err := s.sessionOf(r, v)
	if err != nil {
		return err
	}
	page := pages.OneSession{SignInAgain: s.signInAgain(r, v)}
	if page.Session, err = s.viewSession(r.Context(), ses); err != nil {
		return err
	}
	if !page.Session.EndedAt.IsZero() {
		page.Done = r.URL.Query().Get("done")
	}
	_, err = s.Registry.Known(r.Context(), ses.Client.ID)
	if page.ClientKnown = err == nil; err != nil && !errors.Is(err, client.ErrUnknown) {
		return err
	}
	return s.show(w, http.StatusOK, v, page)
}

// EndSession is what POST /admin/sessions/{id} ends.
func (s *Web) EndSession(r *http.Request, v visit.Visitor, _ form) (Ending, error) {
	ses, err := s.sessionOf(r, v)
	if err == nil && !ses.Alive(s.clock.Now()) {
		err = orNoSession(session.ErrOver)
	}
	what := pages.Ended{Kind: "session", Name: s.viewAgent(ses, ses.Created).Agent.Label(), Subject: string(ses.Subject)}
	return Ending{what, func(ctx context.Context) error {
		_, err := s.AgentSessions.Revoke(ctx, ses.ID, "ended by an operator", actorOf(v))
		return err
	}}, err
}
