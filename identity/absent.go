package identity

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Absent returns the principal of a person's authorization session whose token
// is not at hand: of a call that goes on after its client has hung up, with
// the rights that the session has now. addr is the address that the call came
// from, while there was a client. It returns an error wrapping ErrInvalidToken
// where no such call could be made any more.
func (r *Resolver) Absent(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID, addr netip.Addr) (*ostiary.Principal, error) {
	if subject == "" || session == "" {
		return nil, ErrInvalidToken
	}
	k, err := r.read(ctx, func(ctx context.Context) (Held, error) { return r.heldBy(ctx, subject, session) })
	if err != nil {
		return nil, err
	}
	if k.principal == nil || !k.held.Alive(r.tokens.db.Clock().Now()) || !from(addr, k.held.CIDRs) {
		return nil, ErrInvalidToken
	}
	return k.principal, nil
}

// heldBy asks each source in turn: whose session it is doesn't show.
func (r *Resolver) heldBy(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID) (Held, error) {
	for _, s := range slices.Backward(r.sources) { // personal tokens last: theirs has to be looked for
		h, err := s.HeldBy(ctx, subject, session)
		if err != nil || h.ID != "" {
			return h, err
		}
	}
	return Held{}, nil
}

// HeldBy implements Source.
func (t *Tokens) HeldBy(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID) (Held, error) {
	items, err := t.personal.All(ctx, store.Index{Name: "owner", Value: string(subject)})
	if err != nil {
		return Held{}, fmt.Errorf("look for the token of a session: %w", err)
	}
	for _, it := range items {
		if it.Value.Session == session {
			return it.Value.held(), nil
		}
	}
	return Held{}, nil
}
