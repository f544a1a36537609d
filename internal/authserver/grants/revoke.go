package grants

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// Revoke ends a token at the wish of the client that it was issued to (RFC
// 7009): an access token alone, a refresh token with its session. A token that
// isn't known, or is over, is no error; one of another client is refused.
func (g *Grants) Revoke(ctx context.Context, c *client.Client, token string) error {
	switch identity.KindOf(token) {
	case identity.KindAccess:
		a, err := g.sessions.Look(ctx, token)
		if err != nil || a.Client == "" {
			return err
		}
		if a.Client != c.ID {
			return errForeign
		}
		return g.sessions.EndAccess(ctx, token, audit.Actor{Client: c.ID, Session: a.Session.ID})
	case identity.KindRefresh:
		row, err := g.ofRefresh(ctx, token)
		if err != nil || row.Client == "" {
			return err
		}
		if row.Client != c.ID {
			return errForeign
		}
		_, err = g.end(ctx, row.Session, "its client gave it back", audit.Actor{Client: c.ID, Session: row.Session})
		return err
	}
	return nil
}

var errForeign = unauthorizedClient("this token was issued to another client")

// Leaked ends the session of a refresh token that somebody found; false: it is
// none, or over already.
func (g *Grants) Leaked(ctx context.Context, text string) (bool, error) {
	if !identity.CheckToken(text, identity.KindRefresh) {
		return false, nil
	}
	row, err := g.ofRefresh(ctx, text)
	if err != nil || row.Session == "" {
		return false, err
	}
	return g.end(ctx, row.Session, "a token of it was reported as leaked", audit.Actor{})
}

// ofRefresh returns the zero value for nobody's.
func (g *Grants) ofRefresh(ctx context.Context, token string) (refresh, error) {
	row, _, err := g.refreshes.Get(ctx, identity.HashToken(g.db, ostiary.Secret(token)))
	if errors.Is(err, store.ErrNotFound) {
		return refresh{}, nil
	}
	if err != nil {
		return refresh{}, fmt.Errorf("read a refresh token: %w", err)
	}
	return row, nil
}

func (g *Grants) end(ctx context.Context, id ostiary.SessionID, why string, by audit.Actor) (bool, error) {
	_, err := g.sessions.Revoke(ctx, id, why, by)
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrOver) {
		return false, nil
	}
	return err == nil, err
}
