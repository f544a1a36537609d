package grants

import (
	"context"
	"errors"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
)

// An Introspection is the answer of RFC 7662 section 2.2. The zero value says
// that the token is not good, and nothing else.
type Introspection struct {
	Active     bool              `json:"active"`
	Subject    ostiary.Subject   `json:"sub,omitempty"`
	Client     ostiary.ClientID  `json:"client_id,omitempty"`
	Scope      string            `json:"scope,omitempty"`
	Expires    int64             `json:"exp,omitempty"` // Unix seconds
	Issued     int64             `json:"iat,omitempty"`
	Issuer     string            `json:"iss,omitempty"`
	Audience   []string          `json:"aud,omitzero"`
	Session    ostiary.SessionID `json:"session_id,omitempty"`
	Authorized []string          `json:"authorized_apps,omitzero"`
	Pending    []string          `json:"pending_apps,omitzero"`
	Skipped    []string          `json:"skipped_apps,omitzero"`
}

// Introspect tells a client what an access token holds now: any token, where
// the client is an introspector, else those that were issued to it. All others
// are not good.
func (g *Grants) Introspect(ctx context.Context, c *client.Client, token string) (Introspection, error) {
	if !identity.CheckToken(token, identity.KindAccess) {
		return Introspection{}, nil
	}
	a, err := g.sessions.Look(ctx, token)
	if err != nil {
		return Introspection{}, err
	}
	if a.Client != c.ID && !c.Kind.Rules().Introspects {
		return Introspection{}, nil
	}
	p, err := g.resolver.Now(ctx, token)
	if errors.Is(err, identity.ErrInvalidToken) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	return Introspection{
		Active: true, Subject: p.Subject, Client: p.Client.ID, Scope: strings.Join(p.Scopes, " "),
		Expires: a.Expires.Unix(), Issued: a.Created.Unix(), Issuer: g.config.PublicURL, Audience: g.audience(p.Resources), Session: p.Session,
		Authorized: list(p.Apps.IDs), Pending: list(a.Session.Pending), Skipped: list(a.Session.Skipped),
	}, nil
}

func (g *Grants) audience(resources []string) []string {
	out := make([]string, len(resources))
	for i, path := range resources {
		out[i] = g.config.PublicURL + path
	}
	return out
}

func list(ids []string) []string { return append([]string{}, ids...) }
