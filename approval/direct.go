package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// A Direct is a grant that an operator gives without a request.
type Direct struct {
	Tenant  ostiary.Tenant
	Subject ostiary.Subject
	Tool    *ostiary.Tool
	Scope   Scope
	Session ostiary.SessionID // for Session
	Client  ostiary.ClientID  // "": any of the subject's
	Site    ostiary.Site      // where the tool is site-scoped
	TTL     time.Duration     // TimeLimited needs one; it ends every other scope early, too
	Reason  string
	// GrantedBy is who, as the operator says, gave the yes; the zero Grantor
	// is the operator themself, who stands in the chain in any case.
	GrantedBy Grantor
}

// Errors of grants without a request. Both are returned wrapped.
var (
	ErrSessionMissing = errors.New("a grant of scope session needs the session it is for")
	ErrOnce           = errors.New("a yes to one call needs the call: only a request can have it")
	ErrVotes          = errors.New("this tool needs the yes of several people: only a request can have it")
)

// GrantDirect makes a grant within the limits that a tool's rule sets for
// everybody. An operator need not be among the approvers, but they are one
// person: they can't stand in for several, nor for others than themself where
// nobody may approve for themself. fresh is how old the sign-in may be where
// the risk is high.
func (s *Service) GrantDirect(ctx context.Context, d Direct, rule *policy.Rule, who Decider, fresh time.Duration) (Grant, error) {
	if err := d.check(rule); err != nil {
		return Grant{}, err
	}
	now := s.clock.Now()
	if err := d.mayGrant(rule, who, now, fresh); err != nil {
		return Grant{}, err
	}
	by := AdminGrantor(who.Subject, who.DisplayName, who.Origin)
	g := Grant{
		ID: ostiary.NewID("grt"), Tool: d.Tool.ID, ToolDigest: d.Tool.Digest, State: StateApproved, Scope: d.Scope,
		Tenant: d.Tenant, Subject: d.Subject, Client: d.Client, Site: d.Site, Session: d.Session,
		GrantedAt: now, GrantedBy: by, Chain: []Grantor{by}, Reason: d.Reason,
	}
	if d.GrantedBy != (Grantor{}) {
		g.GrantedBy, g.Chain = d.GrantedBy, []Grantor{d.GrantedBy, by}
	}
	if d.TTL > 0 {
		end := now.Add(d.TTL)
		g.ExpiresAt, g.TTLMs = &end, d.TTL.Milliseconds()
	}
	g.KeptUntil = g.end(s.config)
	var tx store.Tx
	if err := s.grants.Create(ctx, &tx, g.ID, g); err != nil {
		return Grant{}, err
	}
	s.epochs.Bump(&tx, store.EpochIDs{Subject: g.Subject})
	s.log.Append(&tx, audit.Entry{
		Kind: audit.KindGrant, Event: "granted", Target: g.ID, GrantID: g.ID, Tool: g.Tool, ToolDigest: g.ToolDigest.String(),
		Actor: audit.Actor{Tenant: g.Tenant, Subject: ostiary.Subject(by.Identifier)}, Detail: map[string]string{"of": string(g.Subject), "scope": string(g.Scope)},
	})
	if _, err := s.db.Commit(ctx, tx); err != nil {
		return Grant{}, fmt.Errorf("keep a grant: %w", err)
	}
	return g, nil
}

func (d Direct) mayGrant(rule *policy.Rule, who Decider, now time.Time, fresh time.Duration) error {
	a := rule.Approval.Approvers
	switch {
	case a.Min > 1:
		return ErrVotes
	case a.Named() && !a.AllowSelf && who.Subject == d.Subject:
		return ErrSelfApproval
	case rule.Approval.Risk.Serious() && now.Sub(who.SignedInAt) > fresh:
		return ErrReauthenticate
	}
	return nil
}

func (d Direct) check(rule *policy.Rule) error {
	if len(d.Reason) > maxReason {
		return ErrReason
	}
	if d.Scope == Once {
		return ErrOnce
	}
	if !slices.Contains(offered(rule.Approval), d.Scope) {
		return fmt.Errorf("%w: %q; offered: %v", ErrScope, d.Scope, offered(rule.Approval))
	}
	if d.Scope == Session && d.Session == "" {
		return ErrSessionMissing
	}
	if d.TTL == 0 && d.Scope != TimeLimited {
		return nil
	}
	if d.TTL <= 0 {
		return ErrTTLMissing
	}
	if d.Scope == TimeLimited && d.TTL > rule.Approval.MaxTTL {
		return fmt.Errorf("%w: %s; at most %s", ErrTTL, d.TTL, rule.Approval.MaxTTL)
	}
	return nil
}
