package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/visit"
	agents "github.com/ostiary/ostiary/session"
)

// An agentSession is an authorization session: what one person gave one agent.
type agentSession struct {
	ID         ostiary.SessionID `json:"id"`
	Subject    ostiary.Subject   `json:"subject"`
	Client     agentClient       `json:"client"`
	Resource   []string          `json:"resource"`
	Scopes     []string          `json:"scopes"`
	Tier       string            `json:"tier"`
	Sites      selection         `json:"sites"`
	Authorized []string          `json:"authorized_apps"`
	Skipped    []string          `json:"skipped_apps"`
	Pending    []string          `json:"pending_apps"`
	Consent    agentConsent      `json:"consent"`
	KeepAdmin  bool              `json:"keep_admin"`
	Created    time.Time         `json:"created_at"`
	Expires    *time.Time        `json:"expires_at"` // null: never
	LastUsed   *time.Time        `json:"last_used_at,omitempty"`
	Revoked    *time.Time        `json:"revoked_at,omitempty"`
	Reason     string            `json:"revocation_reason,omitempty"`
}

// An agentClient is the client as its person saw it when they connected it.
type agentClient struct {
	ID       ostiary.ClientID `json:"id"`
	Name     string           `json:"name"`
	Kind     string           `json:"kind"`
	Verified bool             `json:"verified"`
}

type agentConsent struct {
	SelectedTools []string `json:"selectedTools"`
	AllSelected   bool     `json:"allSelected"`
	ConsentedAt   int64    `json:"consentedAt"` // Unix milliseconds
	Version       int      `json:"consentVersion"`
}

func viewSession(s agents.Session) agentSession {
	v := agentSession{
		ID: s.ID, Subject: s.Subject, Client: agentClient{s.Client.ID, s.Client.Name, s.Client.Kind, s.Client.Verified},
		Resource: all(s.Resources), Scopes: all(s.Scopes), Tier: s.Tier, Sites: selection(s.Sites),
		Authorized: all(s.Authorized), Skipped: all(s.Skipped), Pending: all(s.Pending), KeepAdmin: s.KeepAdmin,
		Consent: agentConsent{all(s.Consent.SelectedTools), s.Consent.AllSelected, s.Consent.ConsentedAt, s.Consent.Version},
		Created: s.Created, Revoked: s.Revoked, Reason: s.Reason,
	}
	if !s.Expires.IsZero() {
		v.Expires = &s.Expires
	}
	return v
}

// all is a list that is written as one, also when it is empty.
func all(ids []string) []string { return append([]string{}, ids...) }

// ListSessions is GET /sessions: one's own, and with an operator's rights those
// of the tenant.
func (a *API) ListSessions(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "subject", "client")
	if err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	f := agents.Filter{Subject: ostiary.Subject(q.Get("subject")), Client: ostiary.ClientID(q.Get("client")), Tenant: c.Tenant}
	if !c.seesAll() {
		if q.Has("subject") && f.Subject != c.User.ID {
			return visit.NotFound()
		}
		f.Subject, f.Tenant = c.User.ID, ""
	}
	sessions, next, err := a.Sessions.List(r.Context(), f, of.limit, of.cursor)
	if err != nil {
		return err
	}
	var items []agentSession
	for _, s := range sessions {
		v, err := a.withUse(r.Context(), s)
		if err != nil {
			return err
		}
		items = append(items, v)
	}
	writeList(w, a, of, items, next)
	return nil
}

func (a *API) withUse(ctx context.Context, s agents.Session) (agentSession, error) {
	v := viewSession(s)
	used, err := a.Tokens.UsedAt(ctx, string(s.ID))
	if !used.IsZero() {
		v.LastUsed = &used
	}
	return v, err
}

// DeleteSession is DELETE /sessions/{id}.
func (a *API) DeleteSession(w http.ResponseWriter, r *http.Request, c Caller) error {
	s, err := a.mayEnd(r, c)
	if err != nil {
		return err
	}
	if _, err := a.Sessions.Revoke(r.Context(), s.ID, endedBy(s, c), c.actor()); err != nil {
		return answerTo(err)
	}
	return done(w)
}

func endedBy(s agents.Session, c Caller) string {
	if s.Subject == c.User.ID {
		return "ended by its person"
	}
	return "ended by an operator"
}

// DeleteSessionApp is DELETE /sessions/{id}/apps/{app}.
func (a *API) DeleteSessionApp(w http.ResponseWriter, r *http.Request, c Caller) error {
	s, err := a.mayEnd(r, c)
	if err != nil {
		return err
	}
	if _, err := a.Sessions.EndApp(r.Context(), s.ID, r.PathValue("app"), c.actor()); err != nil {
		return answerTo(err)
	}
	return done(w)
}

// mayEnd returns the session that the address names: one's own, or as an
// operator one of the tenant.
func (a *API) mayEnd(r *http.Request, c Caller) (agents.Session, error) {
	s, err := a.Sessions.Find(r.Context(), ostiary.SessionID(r.PathValue("id")))
	if errors.Is(err, agents.ErrNotFound) {
		return s, visit.NotFound()
	}
	if err == nil && s.Subject != c.User.ID && (!c.admin() || !c.reaches(s.Tenant)) {
		return s, visit.NotFound()
	}
	return s, err
}
