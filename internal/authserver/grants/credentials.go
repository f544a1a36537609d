package grants

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// clientCredentials is the grant of RFC 6749 section 4.4, for machines. It
// gives no refresh token: the client can come again.
func (g *Grants) clientCredentials(ctx context.Context, c *client.Client, r Request) (Tokens, error) {
	resources, err := g.resources(r.Resources)
	if err != nil {
		return Tokens{}, err
	}
	if resources == nil {
		resources = []string{g.config.DefaultResource}
	}
	var out Tokens
	err = g.db.Settle(ctx, "give a machine its token", func(tx *store.Tx) error {
		s, err := g.sessions.OfMachine(ctx, tx, given(c), resources)
		if errors.Is(err, identity.ErrUserNotFound) {
			return unauthorizedClient("this client is no machine of the configuration")
		}
		if err != nil {
			return err
		}
		have, err := g.sessions.Holds(ctx, s)
		if err != nil {
			return err
		}
		narrow, err := narrowing(c, r.Scope, have)
		if err != nil {
			return err
		}
		access, err := g.sessions.Mint(ctx, tx, s, session.Narrowing{Scopes: narrow, Resources: resources})
		out = tokensOf(s, access)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	return out, nil
}

// given is a client as its session remembers it.
func given(c *client.Client) session.Client {
	var ceiling []string
	for _, scope := range c.Scopes {
		ceiling = append(ceiling, c.StandsFor(scope)...)
	}
	return session.Client{ID: c.ID, Name: c.Name, Kind: string(c.Kind), Verified: c.Verified(), Ceiling: ceiling}
}
