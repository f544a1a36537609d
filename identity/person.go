package identity

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Person is a person as they could call at most through a client: every app
// opened, every tool agreed to, at the highest tier. It is for telling what
// they may, on pages and to explain; no credential leads to it. Its session
// is one that nobody has, so that nothing given to a session counts. nil:
// agents may not call for this person at all.
func (r *Resolver) Person(ctx context.Context, user User, client ostiary.ClientID) (*ostiary.Principal, error) {
	return r.personAs(ctx, user, client, false)
}

// PersonAsAdmin is Person for somebody who lets an agent keep their admin
// rights, where Admins strips them unless they do.
func (r *Resolver) PersonAsAdmin(ctx context.Context, user User, client ostiary.ClientID) (*ostiary.Principal, error) {
	return r.personAs(ctx, user, client, true)
}

func (r *Resolver) personAs(ctx context.Context, user User, client ostiary.ClientID, keepAdmin bool) (*ostiary.Principal, error) {
	everything := ostiary.Selection{All: true}
	token := Personal{
		Owner: user.ID, Session: ostiary.SessionID(ostiary.NewID("ses")), Tier: ostiary.TierAdmin.String(), Apps: everything, Tools: everything, Sites: everything,
		Created: r.tokens.db.Clock().Now(),
	}
	ids := store.EpochIDs{Subject: user.ID, Client: client, Tenant: r.tokens.users.Tenant(user)}
	at, err := r.tokens.epochs.Of(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read the epochs of %q: %w", user.ID, err)
	}
	held := token.held()
	held.KeepAdmin = keepAdmin
	p := r.principal(held, user, at)
	if p == nil || user.Disabled {
		return nil, nil
	}
	p.Client = ostiary.Client{ID: client, Name: string(client), Verified: true}
	return p, nil
}
