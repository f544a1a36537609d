package identity

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Absent returns the principal of a person's authorization session whose token
// is not at hand: of a call that goes on after its client has hung up, with
// the rights that the session has now. from is the address that the call came
// from, while there was a client. It returns an error wrapping ErrInvalidToken
// where no such call could be made any more.
func (r *Resolver) Absent(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID, from netip.Addr) (*ostiary.Principal, error) {
	if subject == "" || session == "" {
		return nil, ErrInvalidToken
	}
	id, err := r.tokens.ofSession(ctx, subject, session)
	if err != nil {
		return nil, err
	}
	for range maxTries {
		k, moved, err := r.build(ctx, id, ofSession(session))
		if err != nil {
			return nil, err
		}
		if !moved {
			return r.mayGoOn(k, from)
		}
	}
	return nil, fmt.Errorf("read token %s: %w", id, store.ErrConflict)
}

func ofSession(session ostiary.SessionID) shown {
	return func(_ *Resolver, p Personal) bool { return p.Session == session }
}

func (r *Resolver) mayGoOn(k *known, addr netip.Addr) (*ostiary.Principal, error) {
	if k.principal == nil || !k.token.Alive(r.tokens.db.Clock().Now()) || !from(addr, k.token.CIDRs) {
		return nil, ErrInvalidToken
	}
	return k.principal, nil
}

// ofSession finds the id of the token that a person's session is.
func (t *Tokens) ofSession(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID) (string, error) {
	items, err := t.personal.All(ctx, store.Index{Name: "owner", Value: string(subject)})
	if err != nil {
		return "", fmt.Errorf("look for the token of a session: %w", err)
	}
	for _, it := range items {
		if it.Value.Session == session {
			return it.ID, nil
		}
	}
	return "", ErrInvalidToken
}
