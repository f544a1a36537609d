package approval

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
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
	r, now := it.Value, s.clock.Now()
	r.Status, r.DecidedAt, r.KeptUntil = Expired, &now, now.Add(s.config.Retention)
	s.log.Append(tx, r.entry("expired", audit.Actor{Tenant: r.Tenant}))
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

// ToolChanged suspends the grants of a tool that were given for another
// definition, ends for good the unused ones for one call, and ends the
// requests that wait for a yes to another definition. Calls are refused by
// the digest already; this makes it visible.
func (s *Service) ToolChanged(ctx context.Context, tool ostiary.ToolID, now ostiary.Digest) error {
	return errors.Join(s.endRequests(ctx, tool, now), s.suspendGrants(ctx, tool, now))
}

func (s *Service) endRequests(ctx context.Context, tool ostiary.ToolID, now ostiary.Digest) error {
	open, err := s.requests.All(ctx, store.Index{Name: "tool_status", Value: join(string(tool), string(Pending))})
	if err != nil {
		return fmt.Errorf("end requests for %s: %w", tool, err)
	}
	for _, it := range open {
		if it.Value.ToolDigest == now {
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

func (s *Service) suspendGrants(ctx context.Context, tool ostiary.ToolID, now ostiary.Digest) error {
	items, err := s.grants.All(ctx, store.Index{Name: "tool", Value: string(tool)})
	if err != nil {
		return fmt.Errorf("suspend grants of %s: %w", tool, err)
	}
	for _, it := range items {
		g := it.Value
		if g.State != StateApproved || g.ToolDigest == now {
			continue
		}
		var tx store.Tx
		if err := s.suspend(ctx, &tx, it); err != nil {
			return err
		}
		if err := s.commitSweep(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) suspend(ctx context.Context, tx *store.Tx, it store.Item[Grant]) error {
	if it.Value.Scope == Once {
		_, err := s.revoke(ctx, tx, it, Revoker{Source: "system", Identifier: "definition", Method: "policy"}, "the tool's definition changed")
		return err
	}
	g := it.Value
	g.State = StateSuspended
	s.epochs.Bump(tx, store.EpochIDs{Subject: g.Subject})
	s.log.Append(tx, audit.Entry{
		Kind: audit.KindGrant, Event: "suspended", Target: g.ID, GrantID: g.ID, Tool: g.Tool,
		Actor: audit.Actor{Tenant: g.Tenant}, Detail: map[string]string{"of": string(g.Subject)},
	})
	return s.grants.Update(ctx, tx, it.ID, g, it.Version)
}
