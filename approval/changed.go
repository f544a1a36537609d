package approval

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

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

// DefinitionAccepted resumes, as a yes of the person would, the grants of a
// tool that wait because its definition has changed: an operator accepted
// that definition for everybody.
func (s *Service) DefinitionAccepted(ctx context.Context, tool ostiary.ToolID, now ostiary.Digest, by ostiary.Subject) error {
	items, err := s.grants.All(ctx, store.Index{Name: "tool", Value: string(tool)})
	if err != nil {
		return fmt.Errorf("resume grants of %s: %w", tool, err)
	}
	for _, it := range items {
		g := it.Value.At(s.clock.Now())
		if g.Scope == Once || !g.waits(now) {
			continue
		}
		var tx store.Tx
		if err := s.resumeGrant(ctx, &tx, it, now, by); err != nil {
			return err
		}
		if err := s.commitSweep(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) resumeGrant(ctx context.Context, tx *store.Tx, it store.Item[Grant], now ostiary.Digest, by ostiary.Subject) error {
	g := it.Value
	g.State, g.ToolDigest = StateApproved, now
	s.epochs.Bump(tx, store.EpochIDs{Subject: g.Subject})
	s.log.Append(tx, audit.Entry{
		Kind: audit.KindGrant, Event: "resumed", Target: g.ID, GrantID: g.ID, Tool: g.Tool, ToolDigest: now.String(),
		Actor: audit.Actor{Tenant: g.Tenant, Subject: by}, Detail: map[string]string{"of": string(g.Subject)},
	})
	return s.grants.Update(ctx, tx, it.ID, g, it.Version)
}
