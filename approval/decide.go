package approval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Decide records an answer. The first decision wins; a later one is recorded
// and gets ErrDecided. Several people answering at once are put in a row by
// the commit. fresh is how old the sign-in of a serious decision may be.
func (s *Service) Decide(ctx context.Context, id string, d Decider, a Answer, fresh time.Duration) (Request, error) {
	for range maxTries {
		r, err := s.decide(ctx, id, d, a, fresh)
		if !store.Again(err) {
			return r, err
		}
	}
	return Request{}, fmt.Errorf("decide request %s: %w", id, store.ErrConflict)
}

func (s *Service) decide(ctx context.Context, id string, d Decider, a Answer, fresh time.Duration) (Request, error) {
	r, version, err := s.request(ctx, id)
	if err != nil {
		return Request{}, err
	}
	if !r.MaySee(d) {
		return Request{}, ErrNotFound
	}
	if err := s.mayAnswer(r, d, fresh); err != nil {
		return r, err
	}
	if err := s.stillOpen(ctx, r, d, a); err != nil {
		return r, err
	}
	a, err = r.check(a)
	if err != nil {
		return r, err
	}
	return s.record(ctx, r, version, d, a)
}

func (s *Service) mayAnswer(r Request, d Decider, fresh time.Duration) error {
	if err := r.MayDecide(d); err != nil {
		return err
	}
	if r.Risk.Serious() && s.clock.Now().Sub(d.SignedInAt) > fresh {
		return ErrReauthenticate
	}
	return nil
}

// stillOpen refuses, and records, answers that come too late.
func (s *Service) stillOpen(ctx context.Context, r Request, d Decider, a Answer) error {
	late := ErrDecided
	switch {
	case r.Status == Expired:
		late = ErrExpired
	case r.Status == Pending && !r.voted(d):
		return nil
	}
	var tx store.Tx
	e := r.entry("late_answer", d.actor())
	e.Detail = map[string]string{"decision": a.Decision, "status": string(r.Status)}
	s.log.Append(&tx, e)
	if _, err := s.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("record a late answer: %w", err)
	}
	return late
}

// record writes the vote and, with the last one that is needed, what follows
// from it: grant or denial, in the same commit.
func (s *Service) record(ctx context.Context, r Request, version store.Version, d Decider, a Answer) (Request, error) {
	now := s.clock.Now()
	var tx store.Tx
	votes, err := s.standingVotes(ctx, &tx, r)
	if err != nil {
		return r, err
	}
	r.Decisions = append(votes, Vote{
		By: UserGrantor(d.Subject, d.DisplayName, d.Origin), Decision: a.Decision, Scope: a.Scope,
		TTL: int64(a.TTL / time.Second), AnyClient: a.AnyClient, Reason: a.Reason, At: now,
	})
	if a.Decision != Approve || len(r.Decisions) >= r.votes() {
		if err := s.settle(ctx, &tx, &r, d, a, now); err != nil {
			return r, err
		}
	}
	if err := s.requests.Update(ctx, &tx, r.ID, r, version); err != nil {
		return r, err
	}
	e := r.entry(a.Decision, d.actor())
	e.GrantID = r.GrantID
	s.log.Append(&tx, e)
	if _, err := s.db.Commit(ctx, tx); err != nil {
		return r, fmt.Errorf("keep decision on %s: %w", r.ID, err)
	}
	return r, nil
}

// settle ends the request: the pointer goes, a grant or denial comes, and
// whatever was decided for the subject before is decided again.
func (s *Service) settle(ctx context.Context, tx *store.Tx, r *Request, d Decider, a Answer, now time.Time) error {
	g := s.outcome(*r, d, a, now)
	r.DecidedAt, r.GrantID, r.KeptUntil = &now, g.ID, now.Add(s.config.Retention)
	r.Status = Denied
	if a.Decision == Approve {
		r.Status = Approved
		if err := s.resume(ctx, tx, *r, d.Subject); err != nil {
			return err
		}
	}
	if err := s.leave(ctx, tx, *r); err != nil {
		return err
	}
	s.epochs.Bump(tx, store.EpochIDs{Subject: r.Subject})
	return s.grants.Create(ctx, tx, g.ID, g)
}

func (s *Service) outcome(r Request, d Decider, a Answer, now time.Time) Grant {
	g := Grant{
		ID: ostiary.NewID("grt"), RequestID: r.ID, Tool: r.Tool, ToolDigest: r.ToolDigest,
		Tenant: r.Tenant, Subject: r.Subject, Client: r.Client, ClientName: r.ClientName, Site: r.Site,
		GrantedAt: now, GrantedBy: UserGrantor(d.Subject, d.DisplayName, d.Origin), Reason: a.Reason,
	}
	for _, v := range r.Decisions {
		g.Chain = append(g.Chain, v.By)
	}
	if a.Decision != Approve {
		return g.deny(r, a.Decision == Block)
	}
	return g.reach(r, s.config, now)
}

func (g Grant) deny(r Request, block bool) Grant {
	g.State, g.Block = StateDenied, block
	if !block {
		g.Session, g.ArgumentsDigest = r.Session, r.ArgumentsDigest
	}
	return g
}

// reach gives the grant the narrowest of what its approvers said.
func (g Grant) reach(r Request, c Config, now time.Time) Grant {
	g.State = StateApproved
	any, ttl := true, time.Duration(0)
	for i, v := range r.Decisions {
		if i == 0 {
			g.Scope = v.Scope
		}
		g.Scope, any = narrower(g.Scope, v.Scope), any && v.AnyClient
		if said := time.Duration(v.TTL) * time.Second; said > 0 && (ttl == 0 || said < ttl) {
			ttl = said
		}
	}
	switch g.Scope {
	case Once:
		g.Session, g.ArgumentsDigest = r.Session, r.ArgumentsDigest
		if ttl == 0 || ttl > c.RequestTTL {
			ttl = c.RequestTTL
		}
	case Session:
		g.Session = r.Session
	case User, TimeLimited:
		if any {
			g.Client, g.ClientName = "", ""
		}
	}
	if ttl > 0 {
		end := now.Add(ttl)
		g.ExpiresAt, g.TTLMs = &end, ttl.Milliseconds()
	}
	g.KeptUntil = g.end(c)
	return g
}

// Suspended are the grants that a yes to the request resumes besides making
// its own: the subject's grants of the tool that wait since its definition
// changed.
func (s *Service) Suspended(ctx context.Context, r Request) ([]Grant, error) {
	items, err := s.suspended(ctx, r)
	grants := make([]Grant, len(items))
	for i, it := range items {
		grants[i] = it.Value
	}
	return grants, err
}

func (s *Service) suspended(ctx context.Context, r Request) ([]store.Item[Grant], error) {
	items, err := s.grants.All(ctx, standingKey{r.Tenant, r.Subject, r.Tool}.standing())
	if err != nil {
		return nil, fmt.Errorf("look for grants that wait: %w", err)
	}
	now := s.clock.Now()
	return slices.DeleteFunc(items, func(it store.Item[Grant]) bool {
		g := it.Value.At(now)
		return g.Scope == Once || !g.waits(r.ToolDigest)
	}), nil
}

// resume gives grants that wait the definition that was now said yes to.
func (s *Service) resume(ctx context.Context, tx *store.Tx, r Request, by ostiary.Subject) error {
	items, err := s.suspended(ctx, r)
	if err != nil {
		return err
	}
	for _, it := range items {
		if err := s.resumeGrant(ctx, tx, it, r.ToolDigest, by); err != nil {
			return err
		}
	}
	return nil
}

func (d Decider) actor() audit.Actor { return audit.Actor{Tenant: d.Tenant, Subject: d.Subject} }
