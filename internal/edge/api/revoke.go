package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// An end names what is to end: exactly one of these.
type end struct {
	Subject *ostiary.Subject  `json:"subject,omitempty"`
	Client  *ostiary.ClientID `json:"client,omitempty"`
	Tenant  *ostiary.Tenant   `json:"tenant,omitempty"`
	All     *bool             `json:"all,omitempty"`
}

func (e end) named() (n int) {
	for _, named := range []bool{e.Subject != nil, e.Client != nil, e.Tenant != nil, e.All != nil && *e.All} {
		if named {
			n++
		}
	}
	return n
}

// Revoke is POST /revoke: it ends tokens, sign-ins, sessions and grants, now.
// An operator of a tenant ends no more than what is of the tenant, "all"
// included.
func (a *API) Revoke(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[end](a, w, r)
	if err != nil {
		return err
	}
	if in.named() != 1 {
		return invalid("Name exactly one of subject, client, tenant and all: true.")
	}
	people, err := a.concerned(r.Context(), c, in)
	if err != nil {
		return err
	}
	var out revoked
	for _, u := range people {
		n, err := 0, error(nil)
		if in.Client != nil {
			n, err = a.endClient(r.Context(), c, u, *in.Client)
		} else {
			n, err = a.endAll(r.Context(), c, u, "revoked by an operator")
		}
		if err != nil {
			return err
		}
		out.Revoked += n
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// concerned are the people of whom something ends.
func (a *API) concerned(ctx context.Context, c Caller, e end) ([]identity.User, error) {
	if e.Subject != nil {
		u, err := a.userOf(ctx, c, *e.Subject)
		return []identity.User{u}, err
	}
	if e.Tenant != nil && !c.reaches(*e.Tenant) {
		return nil, visit.NotFound()
	}
	all, err := a.Users.List(ctx)
	if err != nil {
		return nil, err
	}
	var some []identity.User
	for _, u := range a.within(c, all) {
		if e.Tenant == nil || a.Users.Tenant(u) == *e.Tenant {
			some = append(some, u)
		}
	}
	return some, nil
}

// endAll ends everything in a person's name and returns how many tokens and
// grants that were.
func (a *API) endAll(ctx context.Context, c Caller, u identity.User, reason string) (int, error) {
	n, err := a.Tokens.RevokeAll(ctx, u.ID, reason, c.actor())
	if err != nil {
		return n, err
	}
	if err := a.signOut(ctx, u.ID); err != nil {
		return n, err
	}
	grants, err := a.endGrants(ctx, c, u, reason, func(approval.Grant) bool { return true })
	return n + grants, err
}

// signOut ends a person's sign-ins, and the operator tokens made in them.
func (a *API) signOut(ctx context.Context, id ostiary.Subject) error {
	return errors.Join(a.Sessions.EndAll(ctx, id), a.Operators.RevokeAll(ctx, id))
}

// endClient ends what a person gave one client.
func (a *API) endClient(ctx context.Context, c Caller, u identity.User, client ostiary.ClientID) (n int, err error) {
	const reason = "the client was revoked"
	if client == identity.PersonalClient {
		if n, err = a.Tokens.RevokeAll(ctx, u.ID, reason, c.actor()); err != nil {
			return n, err
		}
	}
	grants, err := a.endGrants(ctx, c, u, reason, func(g approval.Grant) bool { return g.Client == client })
	return n + grants, err
}

// endGrants takes back the yeses in force that fit. A no stays: it stops, and
// ending it would let calls through.
func (a *API) endGrants(ctx context.Context, c Caller, u identity.User, reason string, fits func(approval.Grant) bool) (n int, err error) {
	owner := approval.Decider{Subject: u.ID, Tenant: a.Users.Tenant(u)}
	by := approval.UserRevoker(c.User.ID, c.name())
	by.Source = "admin"
	for _, state := range []approval.State{approval.StateApproved, approval.StateSuspended} {
		for cursor := ""; ; {
			page, next, err := a.Approvals.Grants(ctx, owner, approval.GrantFilter{State: state}, maxLimit, cursor)
			if err != nil {
				return n, err
			}
			for _, g := range page {
				if !fits(g) {
					continue
				}
				if _, err := a.Approvals.Revoke(ctx, g.ID, by, reason); err != nil {
					return n, err
				}
				n++
			}
			if cursor = next; next == "" {
				break
			}
		}
	}
	return n, nil
}
