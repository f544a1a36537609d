package identity

import (
	"context"
	"errors"
	"net/netip"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// RecordRefusedSignIn records that nobody was signed in under a name. reason
// is ReasonUnauthenticated after Authenticate has said ErrSignIn, or
// ReasonRateLimited; who bounds the tries bounds the entries. A name that is
// no account's is not told: people type passwords into the wrong field. Whoever
// hangs up is recorded all the same.
func (u *Users) RecordRefusedSignIn(ctx context.Context, name ostiary.Subject, from netip.Addr, reason ostiary.Reason) error {
	ctx = context.WithoutCancel(ctx)
	user, err := u.Get(ctx, name)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		return err
	}
	e := audit.Entry{
		Kind: audit.KindAuth, Event: "sign_in_refused", Detail: whyRefused(user, reason),
		Actor:    audit.Actor{Tenant: u.Tenant(user), Subject: user.ID, IPClass: audit.IPClass(from)},
		Decision: &audit.Decision{Effect: ostiary.Deny.String(), Reason: reason},
	}
	return u.db.Change(ctx, "record a sign-in that was refused", func(tx *store.Tx) error {
		u.log.Append(tx, e)
		return nil
	})
}

// RecordRefusedArrival records that nobody was signed in who came back from a
// provider; subject is whom it named, "" where that isn't believed.
func (u *Users) RecordRefusedArrival(ctx context.Context, provider string, subject ostiary.Subject, from netip.Addr, why string) error {
	ctx = context.WithoutCancel(ctx)
	actor, err := u.actor(ctx, subject)
	if err != nil {
		return err
	}
	actor.IPClass = audit.IPClass(from)
	return u.db.Change(ctx, "record a sign-in that was refused", func(tx *store.Tx) error {
		u.log.Append(tx, audit.Entry{
			Kind: audit.KindAuth, Event: "sign_in_refused", Actor: actor, Detail: map[string]string{"provider": provider, "why": why},
			Decision: &audit.Decision{Effect: ostiary.Deny.String(), Reason: ostiary.ReasonUnauthenticated},
		})
		return nil
	})
}

func whyRefused(user User, reason ostiary.Reason) map[string]string {
	switch {
	case user.ID == "":
		return map[string]string{"account": "unknown account"}
	case reason != ostiary.ReasonUnauthenticated:
		return nil // the reason says it
	case user.Disabled:
		return map[string]string{"why": "account disabled"}
	case user.PasswordHash == "":
		return map[string]string{"why": "no password"}
	default:
		return map[string]string{"why": "wrong password"}
	}
}

// actor is a person as the record names them, in the tenant they have now.
func (u *Users) actor(ctx context.Context, id ostiary.Subject) (audit.Actor, error) {
	user, err := u.Get(ctx, id)
	if errors.Is(err, ErrUserNotFound) {
		err = nil
	}
	return audit.Actor{Tenant: u.Tenant(user), Subject: id}, err
}
