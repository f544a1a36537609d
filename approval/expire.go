package approval

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Sweep records the end of pending requests and grants whose time is over.
// They count as expired from that moment on anyway; the sweep writes it down.
// Instances may sweep at the same time.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(s.sweepRequests(ctx, store.Index{Name: "status", Value: string(Pending)}), s.sweepGrants(ctx))
}

func (s *Service) sweepRequests(ctx context.Context, among store.Index) error {
	items, err := s.requests.All(ctx, among)
	if err != nil {
		return fmt.Errorf("sweep requests: %w", err)
	}
	for _, it := range items {
		if it.Value.At(s.clock.Now()).Status != Expired {
			continue
		}
		var tx store.Tx
		if err := s.expire(ctx, &tx, it); err != nil {
			return err
		}
		if err := s.commitSweep(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// expire ends a pending request without an answer: silence is never consent.
func (s *Service) expire(ctx context.Context, tx *store.Tx, it store.Item[Request]) error {
	return s.unanswered(ctx, tx, it, "expired", audit.Actor{Tenant: it.Value.Tenant})
}

// Withdraw adds to tx that nobody is asked any more, since the call that a
// pending request is for was taken back. A request that is over stays as it
// is.
func (s *Service) Withdraw(ctx context.Context, tx *store.Tx, id string, by audit.Actor) error {
	r, version, err := s.request(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && r.Status != Pending {
		return nil
	}
	if err != nil {
		return err
	}
	return s.unanswered(ctx, tx, store.Item[Request]{ID: id, Value: r, Version: version}, "withdrawn", by)
}

func (s *Service) unanswered(ctx context.Context, tx *store.Tx, it store.Item[Request], event string, by audit.Actor) error {
	r, now := it.Value, s.clock.Now()
	r.Status, r.DecidedAt, r.KeptUntil = Expired, &now, now.Add(s.config.Retention)
	s.log.Append(tx, r.entry(event, by))
	if err := s.leave(ctx, tx, r); err != nil {
		return err
	}
	return s.requests.Update(ctx, tx, r.ID, r, it.Version)
}

func (s *Service) expireGrant(ctx context.Context, it store.Item[Grant]) error {
	g := it.Value
	if !g.live() || g.At(s.clock.Now()).State != StateExpired {
		return nil
	}
	now := s.clock.Now()
	g.State, g.RevokedAt, g.KeptUntil = StateExpired, &now, now.Add(s.config.Retention)
	g.RevokedBy = &Revoker{Source: "expiry", Identifier: "clock", Method: "expiry"}
	var tx store.Tx
	if err := s.grants.Update(ctx, &tx, it.ID, g, it.Version); err != nil {
		return err
	}
	s.log.Append(&tx, audit.Entry{
		Kind: audit.KindGrant, Event: "expired", Target: g.ID, GrantID: g.ID, Tool: g.Tool,
		Actor: audit.Actor{Tenant: g.Tenant}, Detail: map[string]string{"of": string(g.Subject)},
	})
	return s.commitSweep(ctx, tx)
}

// commitSweep lets a conflict pass: somebody else changed the record first.
func (s *Service) commitSweep(ctx context.Context, tx store.Tx) error {
	if _, err := s.db.Commit(ctx, tx); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
