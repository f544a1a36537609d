package api

import (
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// An oauthClient is who may ask for tokens. Its secret and keys are not shown.
type oauthClient struct {
	ID              ostiary.ClientID `json:"id"`
	Name            string           `json:"name"` // its own words, unless verified
	Kind            client.Kind      `json:"kind"`
	Origin          client.Origin    `json:"origin"`
	Verified        bool             `json:"verified"`
	Host            string           `json:"host,omitempty"` // of its metadata document
	Loopback        bool             `json:"loopback"`       // it may return to every loopback URI
	Redirects       []string         `json:"redirect_uris"`
	Methods         []string         `json:"token_endpoint_auth_methods"`
	Grants          []string         `json:"grant_types"`
	Scopes          []string         `json:"scopes"`
	ApplicationType string           `json:"application_type,omitempty"`
	Created         *time.Time       `json:"created_at,omitempty"`
	LastUsed        *time.Time       `json:"last_used_at,omitempty"`
}

func viewClient(c client.Client) oauthClient {
	v := oauthClient{
		ID: c.ID, Name: c.Name, Kind: c.Kind, Origin: c.Origin, Verified: c.Verified(), Host: c.Host,
		Loopback: c.Redirects.Loopback, Redirects: all(c.Redirects.URIs), Methods: []string{}, Grants: all(c.Grants), Scopes: all(c.Scopes),
		ApplicationType: c.ApplicationType,
	}
	for _, m := range c.Methods {
		v.Methods = append(v.Methods, string(m))
	}
	if !c.Created.IsZero() {
		v.Created = &c.Created
	}
	if !c.Used.IsZero() {
		v.LastUsed = &c.Used
	}
	return v
}

// ListClients is GET /clients. Who registered belongs to no tenant: an operator
// of one sees the configuration's alone.
func (a *API) ListClients(w http.ResponseWriter, r *http.Request, c Caller) error {
	if _, err := filters(r); err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	clients, next, err := a.Clients.List(r.Context(), of.limit, of.cursor)
	if err != nil {
		return err
	}
	var items []oauthClient
	for _, one := range clients {
		if c.Tenant == "" || one.Origin == client.Static {
			items = append(items, viewClient(one))
		}
	}
	writeList(w, a, of, items, next)
	return nil
}

// DeleteClient is DELETE /clients/{id}: it is forgotten, and everything that it
// was given ends, in every tenant. An operator of one ends what is of the
// tenant with POST /revoke.
func (a *API) DeleteClient(w http.ResponseWriter, r *http.Request, c Caller) error {
	if c.Tenant != "" {
		return visit.NotFound()
	}
	if err := a.Ends.RemoveClient(r.Context(), ostiary.ClientID(r.PathValue("id")), c.actor()); err != nil {
		return answerTo(err)
	}
	return done(w)
}
