package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/session"
)

// How much is taken of what clients publish, in bytes.
const (
	maxMetadata = 5 << 10
	maxKeys     = 1 << 20
)

// sweepingClients is how often clients that nobody uses are looked for. What is
// over is not found before it is swept, only counted.
const sweepingClients = 10 * time.Minute

// buildClients makes the registry of who may ask for tokens.
func (c *Core) buildClients() error {
	auth := c.Config.Auth
	static, err := staticClients(auth.Clients)
	if err != nil {
		return fmt.Errorf("auth.clients: %w", err)
	}
	g := auth.Registration
	issuer := c.Config.Server.PublicURL.String()
	c.Clients, err = client.NewRegistry(c.DB, c.Epochs, c.Log, client.Config{
		Static: static, Dynamic: g.Dynamic, Documents: g.MetadataDocuments, Domains: g.AllowedDomains, RedirectAllow: g.RedirectAllow,
		MaxClients: g.MaxClients, UnusedTTL: g.UnusedTTL, ClientTTL: g.ClientTTL,
		Audiences:    []string{issuer, issuer + "/oauth/token"},
		Metadata:     netguard.New(netguard.Options{MaxBody: maxMetadata, Private: g.AllowPrivateNetworks}),
		Keys:         netguard.New(netguard.Options{MaxBody: maxKeys, Private: g.AllowPrivateNetworks}),
		OperatorKeys: netguard.New(netguard.Options{MaxBody: maxKeys, Private: true}), // what the operator names may be anywhere
		Logger:       c.Logger,
	})
	return err
}

// ownerOf says whose people a client is for.
func (c *Core) ownerOf(id ostiary.ClientID) (session.Owner, bool) {
	o, owned := c.Clients.OwnerOf(id)
	return session.Owner{Tenant: o.Tenant, Sites: o.Sites}, owned
}

// staticClients are those of the configuration file.
func staticClients(entries []config.Client) ([]client.Client, error) {
	var out []client.Client
	for _, e := range entries {
		spec := client.Client{
			ID: ostiary.ClientID(e.ID), Name: e.Name, Kind: client.Kind(e.Kind), Scopes: e.Scopes, ScopeMap: e.ScopeMap, Claims: e.Claims,
			Redirects: client.Redirects{Loopback: e.RedirectURIs.Loopback, URIs: e.RedirectURIs.URIs},
		}
		if e.Owner != nil {
			spec.Owner.App, spec.Owner.Tenant = e.Owner.App, ostiary.Tenant(e.Owner.Tenant)
			for _, site := range e.Owner.Sites {
				spec.Owner.Sites = append(spec.Owner.Sites, ostiary.Site(site))
			}
		}
		one, err := client.NewStatic(spec, e.Secret, e.JWKSURL)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// RemoveClient takes a client away and ends everything that was given to it. One
// of the configuration is client.ErrStatic, and keeps what it has.
func (c *Core) RemoveClient(ctx context.Context, id ostiary.ClientID, by audit.Actor) error {
	if err := c.Clients.Delete(ctx, id, by); err != nil {
		return err
	}
	_, err := c.RevokeEverything(ctx, identity.Reach{Client: id}, by)
	return err
}

// sweepClients forgets clients that nobody uses.
func (c *Core) sweepClients(ctx context.Context) error {
	n, err := c.Clients.Sweep(ctx)
	if n > 0 {
		c.Logger.Info("clients that nobody used are forgotten", "clients", n)
	}
	return err
}
