package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Link is an identity at a provider that a person showed to be theirs as
// well. It proves that they are known there, and gives nothing else: nobody signs
// in by it, and what the provider says of them doesn't count.
type Link struct {
	Identity ostiary.Subject `json:"identity"` // "ID|sub"
	Provider string          `json:"provider"`
	Person   ostiary.Subject `json:"person"`
	Email    string          `json:"email,omitempty"` // for them to know it by
	Linked   time.Time       `json:"linked_at"`
}

// Row implements store.Rower.
func (l Link) Row() store.Row {
	return store.Row{Owner: l.Person, Index: []store.Index{{Name: "person", Value: string(l.Person)}}}
}

// Errors about links. All are returned wrapped.
var (
	ErrLinked   = errors.New("this identity is another person's here")
	ErrLinkMade = errors.New("another identity of this provider is linked already")
	ErrNoLink   = errors.New("no identity of this provider is linked")
)

// Link makes an identity that somebody has just shown to be theirs one of a
// person's, who is known by another. Each identity is one person's at most, and
// each person has at most one of a provider; e-mail addresses don't count. One
// that is a person of its own here, or another's, is ErrLinked; who may not come
// in, ErrSignIn.
func (u *Users) Link(ctx context.Context, person ostiary.Subject, a Arrival) error {
	if a.Provider == "" || !strings.HasPrefix(string(a.Subject), a.Provider+"|") {
		return fmt.Errorf("link %q of %q: %w", a.Subject, a.Provider, ErrUserID)
	}
	return u.db.Change(ctx, "link an identity to "+string(person), func(tx *store.Tx) error {
		// Two links of one person wait for each other by the epoch.
		of, err := u.StillThere(ctx, tx, person)
		if err != nil {
			return err
		}
		if of.Provider == a.Provider {
			if of.ID == a.Subject {
				return nil // it names them
			}
			return ErrLinkMade
		}
		version, err := u.linkable(ctx, tx, person, a)
		if err != nil || version == linkedAlready {
			return err
		}
		u.epochs.Bump(tx, store.EpochIDs{Subject: person})
		l := Link{Identity: a.Subject, Provider: a.Provider, Person: person, Email: a.Email, Linked: u.db.Clock().Now()}
		u.tellLink(tx, "linked", l, audit.Actor{Tenant: u.Tenant(of), Subject: person})
		return u.links.Update(ctx, tx, string(a.Subject), l, version)
	})
}

// linkedAlready stands for the link that is asked for, which is there.
const linkedAlready = ^store.Version(0)

// linkable returns the version that the link is to replace: 0, or that of one
// whose person is gone. It has tx conflict when the identity becomes somebody
// meanwhile.
func (u *Users) linkable(ctx context.Context, tx *store.Tx, person ostiary.Subject, a Arrival) (store.Version, error) {
	if _, _, err := u.departed.Get(ctx, string(a.Subject)); err == nil {
		return 0, ErrSignIn
	} else if !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if _, _, err := u.get(ctx, a.Subject); err == nil {
		return 0, ErrLinked
	} else if !errors.Is(err, ErrUserNotFound) {
		return 0, err
	}
	tx.Assert(u.departed.Key(string(a.Subject)), 0)
	tx.Assert(u.table.Key(string(a.Subject)), 0)
	mine, err := u.Links(ctx, person)
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(mine, func(l Link) bool { return l.Provider == a.Provider }); i >= 0 {
		if mine[i].Identity == a.Subject {
			return linkedAlready, nil
		}
		return 0, ErrLinkMade
	}
	return u.freeLink(ctx, a.Subject)
}

// freeLink returns the version of an identity's row that is nobody's; ErrLinked:
// it is somebody's who is there.
func (u *Users) freeLink(ctx context.Context, id ostiary.Subject) (store.Version, error) {
	l, version, err := u.links.Get(ctx, string(id))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if _, err := u.Get(ctx, l.Person); !errors.Is(err, ErrUserNotFound) {
		if err == nil {
			err = ErrLinked
		}
		return 0, err
	}
	return version, nil
}

// Links are the identities that a person linked, newest first.
func (u *Users) Links(ctx context.Context, person ostiary.Subject) ([]Link, error) {
	items, err := u.links.All(ctx, store.Index{Name: "person", Value: string(person)})
	out := make([]Link, 0, len(items))
	for _, it := range items {
		out = append(out, it.Value)
	}
	return out, err
}

// Unlink takes a person's link to a provider away. Where there is none, or the
// provider is the one that names them, it is ErrNoLink.
func (u *Users) Unlink(ctx context.Context, person ostiary.Subject, provider string) error {
	return u.db.Change(ctx, "unlink an identity of "+string(person), func(tx *store.Tx) error {
		items, err := u.links.All(ctx, store.Index{Name: "person", Value: string(person)})
		if err != nil {
			return err
		}
		by, err := u.actor(ctx, person)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Value.Provider == provider {
				u.tellLink(tx, "unlinked", it.Value, by)
				u.links.Delete(tx, it.ID, it.Version)
				return nil
			}
		}
		return ErrNoLink
	})
}

// unlinkAll adds to tx that nothing is linked to somebody who is deleted: their
// identities are free.
func (u *Users) unlinkAll(ctx context.Context, tx *store.Tx, person ostiary.Subject) error {
	items, err := u.links.All(ctx, store.Index{Name: "person", Value: string(person)})
	for _, it := range items {
		u.links.Delete(tx, it.ID, it.Version)
	}
	return err
}

// Unlinked are those of some providers at which a person has shown nothing:
// neither do they come from there, nor is an identity linked.
func (u *Users) Unlinked(ctx context.Context, person User, providers []string) ([]string, error) {
	if len(providers) == 0 {
		return nil, nil
	}
	links, err := u.Links(ctx, person.ID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(providers), func(id string) bool {
		return person.Provider == id || slices.ContainsFunc(links, func(l Link) bool { return l.Provider == id })
	}), nil
}

func (u *Users) tellLink(tx *store.Tx, event string, l Link, by audit.Actor) {
	u.log.Append(tx, audit.Entry{
		Kind: audit.KindAuth, Event: "identity_" + event, Target: string(l.Identity), Actor: by, Detail: map[string]string{"provider": l.Provider},
	})
}
