package approval

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Revoke takes a grant back, or lifts a denial. Once it has returned, no call
// that starts later goes through by that grant, on any instance. Revoking
// what is already over changes nothing.
func (s *Service) Revoke(ctx context.Context, id string, by Revoker, reason string) (Grant, error) {
	for range maxTries {
		g, version, err := s.grants.Get(ctx, id)
		if err != nil {
			return Grant{}, notFound(err)
		}
		if !g.At(s.clock.Now()).live() {
			return g.At(s.clock.Now()), nil
		}
		var tx store.Tx
		g, err = s.revoke(ctx, &tx, store.Item[Grant]{ID: id, Value: g, Version: version}, by, reason)
		if err != nil {
			return Grant{}, err
		}
		_, err = s.db.Commit(ctx, tx)
		if !store.Again(err) {
			return g, err
		}
	}
	return Grant{}, fmt.Errorf("revoke grant %s: %w", id, store.ErrConflict)
}

func (s *Service) revoke(ctx context.Context, tx *store.Tx, it store.Item[Grant], by Revoker, reason string) (Grant, error) {
	g, now := it.Value, s.clock.Now()
	event := "revoked"
	if g.State == StateDenied {
		event = "lifted"
	}
	g.State, g.RevokedAt, g.RevokedBy, g.RevocationReason = StateRevoked, &now, &by, reason
	g.KeptUntil = now.Add(s.config.Retention)
	if err := s.grants.Update(ctx, tx, it.ID, g, it.Version); err != nil {
		return g, err
	}
	s.epochs.Bump(tx, store.EpochIDs{Subject: g.Subject})
	s.log.Append(tx, audit.Entry{
		Kind: audit.KindGrant, Event: event, Target: g.ID, GrantID: g.ID, Tool: g.Tool,
		Actor:  audit.Actor{Tenant: g.Tenant, Subject: ostiary.Subject(by.Identifier)},
		Detail: map[string]string{"by": by.Source, "of": string(g.Subject), "reason": reason},
	})
	return g, nil
}

// EndSession adds to tx the end of everything that lives with an
// authorization session: its grants, its denials and its pending requests.
func (s *Service) EndSession(ctx context.Context, tx *store.Tx, id ostiary.SessionID) error {
	items, err := s.grants.All(ctx, store.Index{Name: "session", Value: string(id)})
	if err != nil {
		return err
	}
	for _, it := range items {
		if _, err := s.revoke(ctx, tx, it, SessionEnd(id), "the session ended"); err != nil {
			return err
		}
	}
	open, err := s.requests.All(ctx, store.Index{Name: "session_status", Value: join(string(id), string(Pending))})
	if err != nil {
		return err
	}
	for _, it := range open {
		if err := s.expire(ctx, tx, it); err != nil {
			return err
		}
	}
	return nil
}
