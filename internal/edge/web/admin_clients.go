package web

import (
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
)

// ListClients is GET /admin/clients. Who registered belongs to no tenant: an
// operator of one sees the configuration's alone here, and others by their
// sessions.
func (s *Web) ListClients(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	l, err := s.listing(r, v)
	if err != nil {
		return err
	}
	text, state := l.query.Get("q"), l.query.Get("state")
	list := func(limit int, cursor string) ([]client.Client, string, error) {
		return s.Registry.List(r.Context(), limit, cursor)
	}
	found, next, err := look(list, l.cursor, func(c client.Client) bool {
		return (v.Tenant == "" || c.Origin == client.Static) && says(text, c.Name, string(c.ID)) && (state == "" || state == string(c.Origin))
	})
	if err != nil {
		return err
	}
	page := pages.Clients{Search: pages.Search{Text: text, State: state, Next: s.next(r, l, next)}, Tenant: string(v.Tenant)}
	for _, c := range found {
		page.Clients = append(page.Clients, viewClient(c))
	}
	return s.show(w, http.StatusOK, v, page)
}

func viewClient(c client.Client) pages.OAuthClient {
	return pages.OAuthClient{
		Agent: agentOf(c), Kind: string(c.Kind), Site: c.Site, Loopback: c.Redirects.Loopback, Redirects: c.Redirects.URIs, Scopes: c.Scopes,
		CreatedAt: c.Created, LastUsedAt: c.Used,
	}
}

// agentOf is a client as people are told of it.
func agentOf(c client.Client) pages.Agent {
	known := map[client.Origin]string{client.Static: "operator", client.Document: "domain"}[c.Origin]
	if known == "" {
		known = "registered"
	}
	return pages.Agent{Name: c.Name, ID: string(c.ID), Host: c.Host, Known: known}
}

// clientOf is the client that the address names, where the operator sees it: of
// a tenant, when somebody of the tenant has given it something.
func (s *Web) clientOf(r *http.Request, v visit.Visitor) (client.Client, error) {
	c, err := s.Registry.Known(r.Context(), ostiary.ClientID(r.PathValue("id")))
	if err != nil || v.Tenant == "" || c.Origin == client.Static {
		return c, orNobody(err)
	}
	some, _, err := s.AgentSessions.List(r.Context(), session.Filter{Client: c.ID, Tenant: v.Tenant}, 1, "")
	if err == nil && len(some) == 0 {
		err = visit.NotFound()
	}
	return c, err
}

// Client is GET /admin/clients/{id}.
func (s *Web) Client(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	c, err := s.clientOf(r, v)
	if err != nil {
		return err
	}
	page := pages.OneClient{Client: viewClient(c), Tenant: string(v.Tenant), SignInAgain: s.signInAgain(r, v)}
	if page.Tied, err = s.tied(r.Context(), session.Filter{Client: c.ID, Tenant: v.Tenant}); err != nil {
		return err
	}
	if !page.Tied.Works() {
		page.Done = r.URL.Query().Get("done")
	}
	return s.show(w, http.StatusOK, v, page)
}

// EndClient is what POST /admin/clients/{id} ends: everything that the client
// was given, by people of the operator's tenant where they have one.
func (s *Web) EndClient(r *http.Request, v visit.Visitor, _ form) (Ending, error) {
	c, err := s.clientOf(r, v)
	what := pages.Ended{Kind: "client", Name: agentOf(c).Label(), Tenant: string(v.Tenant)}
	return s.endReach(v, identity.Reach{Client: c.ID, Tenant: v.Tenant}, what), err
}
