package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// RevokeEverything ends everything within reach: tokens with their sessions,
// operator tokens, sign-ins, and every yes in force. What was denied stays
// denied. Each step is final when it is done: after an error, asking again
// goes on. It says how many personal tokens and sessions of agents ended.
func (c *Core) RevokeEverything(ctx context.Context, r identity.Reach, by audit.Actor) (int, error) {
	if err := r.Check(); err != nil {
		return 0, err
	}
	if err := c.askAgain(ctx, r, by); err != nil {
		return 0, err
	}
	tokens, err := c.Tokens.RevokeReach(ctx, r, "everything was revoked", by)
	if err != nil {
		return tokens, fmt.Errorf("end tokens: %w", err)
	}
	sessions, err := c.Sessions.RevokeReach(ctx, r, "everything was revoked", by)
	tokens += sessions
	if err != nil {
		return tokens, fmt.Errorf("end sessions of agents: %w", err)
	}
	people, err := c.Users.People(ctx, r)
	if err != nil {
		return tokens, err
	}
	for _, id := range people {
		if err := errors.Join(c.Users.EndIssued(ctx, id), c.Operators.RevokeAll(ctx, id), c.Browsers.EndAll(ctx, id)); err != nil {
			return tokens, fmt.Errorf("sign %q out: %w", id, err)
		}
	}
	if err := c.revokeGrants(ctx, r, by); err != nil || r.Subject == "" {
		return tokens, err
	}
	// All was done, and it may all the same be a slip of the pen.
	_, err = c.Users.Get(ctx, r.Subject)
	return tokens, err
}

// askAgain records what is being done, and makes every decision within reach
// be made again.
func (c *Core) askAgain(ctx context.Context, r identity.Reach, by audit.Actor) error {
	var tx store.Tx
	if r.All {
		c.Epochs.BumpDeployment(&tx)
	}
	c.Epochs.Bump(&tx, store.EpochIDs{Subject: r.Subject, Client: r.Client, Tenant: r.Tenant})
	c.Log.Append(&tx, audit.Entry{Kind: audit.KindAdmin, Event: "everything_revoked", Actor: by, Detail: map[string]string{
		"subject": string(r.Subject), "client": string(r.Client), "tenant": string(r.Tenant), "all": fmt.Sprint(r.All),
	}})
	if _, err := c.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("record the revocation: %w", err)
	}
	return nil
}

func (c *Core) revokeGrants(ctx context.Context, r identity.Reach, by audit.Actor) error {
	operator := approval.Decider{Admin: true, Tenant: r.Tenant}
	for cursor := ""; ; {
		page, next, err := c.Approvals.Grants(ctx, operator, approval.GrantFilter{Subject: r.Subject}, 200, cursor)
		if err != nil {
			return fmt.Errorf("list grants: %w", err)
		}
		for _, g := range page {
			if g.State != approval.StateApproved && g.State != approval.StateSuspended || r.Client != "" && g.Client != r.Client {
				continue
			}
			if _, err := c.Approvals.Revoke(ctx, g.ID, approval.UserRevoker(by.Subject, ""), "everything was revoked"); err != nil {
				return fmt.Errorf("revoke grant %s: %w", g.ID, err)
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}
