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

// Introspect tells a client what a token holds now: any access token or personal
// token, where the client is an introspector, else access tokens that were
// issued to it. All others are not good.
func (g *Grants) Introspect(ctx context.Context, c *client.Client, token string) (Introspection, error) {
	switch {
	case identity.CheckToken(token, identity.KindAccess):
		return g.introspectAccess(ctx, c, token)
	case c.Kind.Rules().Introspects && identity.CheckToken(token, identity.KindPersonal):
		return g.introspectPersonal(ctx, token)
	default:
		return Introspection{}, nil
	}
}

// introspectPersonal doesn't know from which address the token came.
func (g *Grants) introspectPersonal(ctx context.Context, token string) (Introspection, error) {
	t, why, err := g.resolver.Inspect(ctx, token)
	if errors.Is(err, identity.ErrTokenNotFound) || err == nil && why != "" {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	p, err := g.resolver.Now(ctx, token)
	if errors.Is(err, identity.ErrInvalidToken) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	out := Introspection{
		Active: true, Subject: p.Subject, Client: p.Client.ID, Scope: strings.Join(p.Scopes, " "),
		Issued: t.Created.Unix(), Issuer: g.config.PublicURL, Audience: g.audience(p.Resources), Session: p.Session,
	}
	if t.Expires != nil {
		out.Expires = t.Expires.Unix()
	}
	if !p.Apps.All {
		out.Authorized = list(p.Apps.IDs)
	}
	return out, nil
}

func (g *Grants) introspectAccess(ctx context.Context, c *client.Client, token string) (Introspection, error) {
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
