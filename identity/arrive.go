package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// An Arrival is somebody whom a provider or issuer vouches for.
type Arrival struct {
	Provider string          // its id here
	Subject  ostiary.Subject // "ID|sub"
	Email    string          // "": none that was checked
	Claims   Claims          // as far as they are believed
	SignedIn time.Time       // when they showed who they are
	Issued   time.Time       // of the token that says so; zero: it doesn't say
}

// departed stands for a person of a provider who was deleted: the provider
// goes on vouching for them.
type departed struct {
	At time.Time `json:"at"`
}

// Row implements store.Rower.
func (departed) Row() store.Row { return store.Row{} }

// Arrive takes in who signed in at a provider: the first time they become a
// user, and each time their claims are what the provider says now. Who is
// disabled or was deleted is ErrSignIn; an identity that somebody linked is
// ErrLinked: they come in by the one that names them.
func (u *Users) Arrive(ctx context.Context, a Arrival) (User, error) {
	var user User
	err := u.db.Change(ctx, "take in "+string(a.Subject), func(tx *store.Tx) (err error) {
		user, err = u.ArriveIn(ctx, tx, a)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return user, nil
}

// ArriveIn is Arrive as part of tx. A token that was issued before another one
// that was seen, or doesn't say when, changes nothing of who is known.
func (u *Users) ArriveIn(ctx context.Context, tx *store.Tx, a Arrival) (User, error) {
	if !strings.HasPrefix(string(a.Subject), a.Provider+"|") || a.Provider == "" {
		return User{}, fmt.Errorf("take in %q of %q: %w", a.Subject, a.Provider, ErrUserID)
	}
	_, _, err := u.departed.Get(ctx, string(a.Subject))
	if err == nil {
		return User{}, ErrSignIn
	}
	if !errors.Is(err, store.ErrNotFound) {
		return User{}, err
	}
	before, version, err := u.get(ctx, a.Subject)
	if errors.Is(err, ErrUserNotFound) {
		return u.takeIn(ctx, tx, a)
	}
	if err != nil {
		return User{}, err
	}
	if before.Disabled || before.Provider == "" {
		return User{}, ErrSignIn
	}
	if before.says(a) || a.SignedIn.IsZero() && !a.Issued.After(before.Issued) {
		return before, nil
	}
	after := before
	after.Email, after.Claims, after.Issued = a.Email, a.Claims, a.Issued
	if !before.Claims.same(a.Claims) {
		u.epochs.Bump(tx, store.EpochIDs{Subject: a.Subject})
		u.record(tx, "changed", a.Subject, audit.Actor{Tenant: u.Tenant(after), Subject: a.Subject})
	}
	return after, u.table.Update(ctx, tx, string(a.Subject), after, version)
}

// takeIn makes a user of who comes the first time.
func (u *Users) takeIn(ctx context.Context, tx *store.Tx, a Arrival) (User, error) {
	link, err := u.freeLink(ctx, a.Subject)
	if err != nil {
		return User{}, err
	}
	tx.Assert(u.links.Key(string(a.Subject)), link)
	user := User{ID: a.Subject, Provider: a.Provider, Email: a.Email, Claims: a.Claims, Issued: a.Issued, Created: u.db.Clock().Now()}
	tx.Assert(u.departed.Key(string(a.Subject)), 0)
	u.epochs.Bump(tx, store.EpochIDs{Subject: user.ID})
	u.record(tx, "arrived", user.ID, audit.Actor{Tenant: u.Tenant(user), Subject: user.ID})
	return user, u.table.Create(ctx, tx, string(user.ID), user)
}

func (u User) says(a Arrival) bool { return u.Email == a.Email && u.Claims.same(a.Claims) }

// same compares claims as they are kept.
func (c Claims) same(d Claims) bool {
	return maps.EqualFunc(c, d, func(a, b any) bool { return reflect.DeepEqual(a, b) })
}

// readmit lets a deleted person of a provider in again, by an operator's word.
// It must return an error wrapping ErrUserID for whom nobody deleted.
func (u *Users) readmit(ctx context.Context, tx *store.Tx, user *User) error {
	_, version, err := u.departed.Get(ctx, string(user.ID))
	if errors.Is(err, store.ErrNotFound) {
		return CheckUserID(user.ID)
	}
	if err != nil {
		return err
	}
	user.Provider, _, _ = strings.Cut(string(user.ID), "|")
	u.departed.Delete(tx, string(user.ID), version)
	return nil
}

// Ended says whether what was issued to a person at a moment is over, because
// everything of theirs was revoked since. Clocks may differ by a minute; what
// doesn't say when it was issued is over.
func (u User) Ended(issued time.Time) bool { return After(u.RevokedAt, issued) }

// After says whether something that ended at a moment ended what was issued at
// another; the zero end never did.
func After(end, issued time.Time) bool {
	return !end.IsZero() && !issued.After(end.Add(time.Minute))
}

// EndIssued has no token any more that an issuer gave a person until now.
// Somebody whom no issuer vouches for is left alone.
func (u *Users) EndIssued(ctx context.Context, id ostiary.Subject) error {
	return u.db.Change(ctx, "end the tokens of "+string(id), func(tx *store.Tx) error {
		user, version, err := u.get(ctx, id)
		if errors.Is(err, ErrUserNotFound) || err == nil && user.Provider == "" {
			return nil
		}
		if err != nil {
			return err
		}
		user.RevokedAt = u.db.Clock().Now()
		u.epochs.Bump(tx, store.EpochIDs{Subject: id})
		return u.table.Update(ctx, tx, string(id), user, version)
	})
}
