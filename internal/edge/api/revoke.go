package api

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// An Ender ends what reaches over several rooms of the house: tokens,
// sign-ins, sessions and grants.
type Ender interface {
	RevokeEverything(ctx context.Context, r identity.Reach, by audit.Actor) (tokens int, err error)
	DeleteUser(ctx context.Context, id ostiary.Subject, by audit.Actor) error
	RemoveClient(ctx context.Context, id ostiary.ClientID, by audit.Actor) error
}

// An end names what is to end: exactly one of these.
type end struct {
	Subject ostiary.Subject  `json:"subject,omitempty"`
	Client  ostiary.ClientID `json:"client,omitempty"`
	Tenant  ostiary.Tenant   `json:"tenant,omitempty"`
	All     bool             `json:"all,omitempty"`
}

// Revoke is POST /revoke. An operator of a tenant ends no more than what is
// of the tenant, a client and "all" included.
func (a *API) Revoke(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[end](a, w, r)
	if err != nil {
		return err
	}
	if in.Client != "" && in.Tenant != "" || identity.Reach(in).Check() != nil {
		return invalid("Name exactly one of subject, client, tenant and all: true.")
	}
	reach, err := a.within(r.Context(), c, identity.Reach(in))
	if err != nil {
		return err
	}
	n, err := a.Ends.RevokeEverything(r.Context(), reach, c.actor())
	if err != nil {
		return answerTo(err)
	}
	writeJSON(w, http.StatusOK, revoked{n})
	return nil
}

// within narrows a reach to the caller's tenant, where they have one.
func (a *API) within(ctx context.Context, c Caller, r identity.Reach) (identity.Reach, error) {
	switch {
	case c.Tenant == "":
		return r, nil
	case r.Subject != "":
		_, err := a.userOf(ctx, c, r.Subject)
		return r, err
	case r.Tenant != "" && r.Tenant != c.Tenant:
		return r, visit.NotFound()
	default:
		return identity.Reach{Client: r.Client, Tenant: c.Tenant}, nil
	}
}
