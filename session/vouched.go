package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// A Vouched is what an issuer's token says, as far as it is believed. The zero
// Vouched is nobody's.
type Vouched struct {
	Issuer    string // its id here
	Subject   ostiary.Subject
	Client    ostiary.Client
	Claims    identity.Claims
	Scopes    []string // with tiers among them; none: the least
	Resources []string
	Issued    time.Time // zero: it doesn't say
	Expires   time.Time
	AuthTime  time.Time
}

// A Voucher reads tokens of others.
type Voucher interface {
	// Vouch returns the zero Vouched for a token that proves nothing; an error is
	// a fault.
	Vouch(ctx context.Context, token string) (Vouched, error)
	// Recheck is how long what a token proved may be remembered.
	Recheck() time.Duration
}

// foreign is what a session that rests on an issuer's tokens holds of the last
// issued one.
type foreign struct {
	Issuer  string          `json:"issuer"`
	Claims  identity.Claims `json:"claims"`
	Issued  time.Time       `json:"issued_at,omitzero"`
	Expires time.Time       `json:"expires_at"`
	Before  time.Time       `json:"before,omitzero"` // the end of the session before this one: its tokens are over
}

// Foreigners are bearers of other issuers' tokens. Each issuer, subject and
// client has one session, made at first use. It is an identity.Source.
type Foreigners struct {
	sessions *Sessions
	voucher  Voucher
}

// Foreigners returns the bearers of the tokens that a Voucher reads.
func (s *Sessions) Foreigners(v Voucher) *Foreigners { return &Foreigners{s, v} }

// Held implements identity.Source.
func (f *Foreigners) Held(ctx context.Context, token string) (identity.Held, error) {
	v, err := f.voucher.Vouch(ctx, token)
	if err != nil || v.Subject == "" {
		return identity.Held{}, err
	}
	s := f.sessions
	var ses Session
	err = s.db.Change(ctx, "find the session of a foreign token", func(tx *store.Tx) (err error) {
		ses, err = s.ofVouched(ctx, tx, v)
		return err
	})
	if errors.Is(err, identity.ErrSignIn) || errors.Is(err, identity.ErrLinked) {
		// Disabled, deleted, or somebody else's: who they are says why.
		return identity.Held{ID: v.Issuer, Owner: v.Subject, Client: v.Client}, nil
	}
	if err != nil {
		return identity.Held{}, err
	}
	h, err := s.heldVouched(ctx, ses, v)
	h.Recheck = s.db.Clock().Now().Add(f.voucher.Recheck())
	return h, err
}

// HeldBy implements identity.Source: Sessions knows all of them.
func (*Foreigners) HeldBy(context.Context, ostiary.Subject, ostiary.SessionID) (identity.Held, error) {
	return identity.Held{}, nil
}

// ofVouched returns the session of who is vouched for, and adds it to tx where
// there is none. One that was revoked is returned as it is, until there is a
// token that was issued later.
func (s *Sessions) ofVouched(ctx context.Context, tx *store.Tx, v Vouched) (Session, error) {
	user, err := s.users.ArriveIn(ctx, tx, identity.Arrival{Provider: v.Issuer, Subject: v.Subject, Claims: v.Claims, Issued: v.Issued})
	if err != nil {
		return Session{}, err
	}
	name := string(v.Subject) + " " + string(v.Client.ID) // an issuer's id is the subject's first half
	at, version, err := s.foreign.Get(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Session{}, err
	}
	var before time.Time
	if err == nil {
		ses, err := s.Find(ctx, at.Session)
		if err != nil {
			return Session{}, err
		}
		if ses.Revoked == nil || identity.After(*ses.Revoked, v.Issued) {
			return s.renew(ctx, tx, ses, v, user)
		}
		before = *ses.Revoked
	}
	if user.Ended(v.Issued) {
		return over(v), nil
	}
	ses := s.vouchedSession(v)
	ses.Foreign.Before = before
	s.record(tx, "opened", ses, audit.Actor{Tenant: ses.Tenant, Subject: ses.Subject, Client: ses.Client.ID, Session: ses.ID}, nil)
	if err := s.foreign.Update(ctx, tx, name, machine{ses.ID}, version); err != nil {
		return Session{}, err
	}
	return ses, s.table.Create(ctx, tx, string(ses.ID), ses)
}

// over is the session of a token that was issued before everything of its
// person was revoked.
func over(v Vouched) Session {
	return Session{ID: ostiary.SessionID(v.Issuer), Subject: v.Subject, Client: Client{ID: v.Client.ID, Name: v.Client.Name}, Revoked: &v.Issued}
}

// renew has a session hold what its last issued token says.
func (s *Sessions) renew(ctx context.Context, tx *store.Tx, ses Session, v Vouched, user identity.User) (Session, error) {
	switch {
	case user.Ended(v.Issued), identity.After(ses.Foreign.Before, v.Issued):
		return over(v), nil
	case ses.Revoked != nil, !v.Issued.After(ses.Foreign.Issued):
		return ses, nil
	}
	next := s.vouchedSession(v)
	next.Foreign.Before = ses.Foreign.Before
	ses.Tenant, ses.Scopes, ses.Tier, ses.Resources, ses.AuthTime, ses.Foreign = next.Tenant, next.Scopes, next.Tier, next.Resources, next.AuthTime, next.Foreign
	return ses, s.table.Put(ctx, tx, string(ses.ID), ses)
}

func (s *Sessions) vouchedSession(v Vouched) Session {
	return Session{
		ID: ostiary.SessionID(ostiary.NewID("ses")), Subject: v.Subject, Tenant: s.users.Tenant(identity.User{Claims: v.Claims}),
		Client: Client{ID: v.Client.ID, Name: v.Client.Name, Kind: "foreign"}, Resources: v.Resources, Scopes: v.Scopes, Tier: TopTier(asOneSays(v.Scopes)).String(),
		Sites: ostiary.Selection{All: true}, AuthTime: v.AuthTime, Created: s.db.Clock().Now(),
		Foreign: &foreign{Issuer: v.Issuer, Claims: v.Claims, Issued: v.Issued, Expires: v.Expires},
	}
}

// heldVouched is what a token gives in its session. Its issuer's word on
// people counts, whatever another token of theirs says.
func (s *Sessions) heldVouched(ctx context.Context, ses Session, v Vouched) (identity.Held, error) {
	h, err := s.held(ctx, ses, Narrowing{})
	if err != nil {
		return identity.Held{}, err
	}
	r := s.reachOfVouched(v.Scopes).at(v.Resources)
	h.Tier, h.Scopes, h.Apps = r.tier, r.scopes, r.apps
	h.Claims, h.Resources, h.Expires, h.AuthTime = v.Claims, v.Resources, v.Expires, v.AuthTime
	return h, nil
}

// reachOfVouched opens every app that needs nobody's credential, as far as the
// scopes of a token say.
func (s *Sessions) reachOfVouched(said []string) (r reach) {
	if s.config.MachineApps != nil {
		r.apps.IDs = s.config.MachineApps()
	}
	r.scopes = Granted(ostiary.TierAdmin, r.apps.IDs, asOneSays(said), []string{AnyScope})
	r.tier = TopTier(r.scopes)
	return r
}

// asOneSays are the scopes of an issuer's token: where no tier on all apps is
// among them, the least.
func asOneSays(said []string) []string {
	said = slices.DeleteFunc(slices.Clone(said), func(scope string) bool { return scope == AnyScope })
	if _, named := TierOf(said); !named {
		said = append(said, "mcp:"+ostiary.TierRead.String())
	}
	return said
}
