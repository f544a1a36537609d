package issuer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
)

// An Issuer is one whose JWTs are taken as they are.
type Issuer struct {
	ID, Issuer, Audience string
	JWKSURL              string // "": discovery tells
	RequiredScopes       []string
	Resources            []string // endpoints that its tokens are for
	Allow                identity.Allow
}

// Trusted are all issuers whose JWTs are taken. It is safe for concurrent use.
type Trusted struct {
	clock   ostiary.Clock
	paths   identity.ClaimPaths
	keys    *client.IssuerKeys
	issuers []trusted
}

type trusted struct {
	Issuer
	discovery *discovery
}

// NewTrusted returns the issuers; from reaches them.
func NewTrusted(clock ostiary.Clock, from Fetcher, paths identity.ClaimPaths, issuers []Issuer) *Trusted {
	t := &Trusted{clock: clock, paths: paths, keys: client.NewIssuerKeys(clock, from)}
	for _, i := range issuers {
		t.issuers = append(t.issuers, trusted{i, &discovery{clock: clock, from: from, issuer: i.Issuer}})
	}
	return t
}

// kinds are the types of tokens that are good at an API; "" is one that says
// none. Others, such as logout and DPoP proofs, are for something else.
var kinds = []string{"", "jwt", "at+jwt"}

// Vouch implements session.Voucher.
func (t *Trusted) Vouch(ctx context.Context, text string) (session.Vouched, error) {
	read, err := parse(text)
	if errors.Is(err, ErrRefused) || err == nil && !slices.Contains(kinds, read.kind()) {
		return session.Vouched{}, nil
	}
	if err != nil {
		return session.Vouched{}, err
	}
	var down error
	for _, i := range t.issuers { // one may stand here twice, for two audiences
		if read.text("iss") != i.Issuer.Issuer || !slices.Contains(read.audience(), i.Audience) {
			continue // nobody is asked for the keys of what can't be good
		}
		v, err := t.vouch(ctx, read, i)
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, ErrRefused) {
			down = err
		}
	}
	return session.Vouched{}, down
}

func (t *Trusted) vouch(ctx context.Context, read token, i trusted) (session.Vouched, error) {
	now := t.clock.Now()
	if err := read.timely(now); err != nil { // again below, but before anybody is asked
		return session.Vouched{}, err
	}
	keys := i.JWKSURL
	if keys == "" {
		found, err := i.discovery.get(ctx)
		if err != nil {
			return session.Vouched{}, err
		}
		keys = found.Keys
	}
	if err := read.proven(ctx, i.Issuer.Issuer, i.Audience, now, t.keys, keys); err != nil {
		return session.Vouched{}, err
	}
	said := read.scopes()
	for _, want := range i.RequiredScopes {
		if !slices.Contains(said, want) {
			return session.Vouched{}, refused("the token lacks the scope %q", want)
		}
	}
	return read.vouched(i.Issuer, said, t.paths)
}

func (t token) vouched(i Issuer, said []string, paths identity.ClaimPaths) (session.Vouched, error) {
	subject, err := subjectOf(i.ID, t.text("sub"))
	if err != nil {
		return session.Vouched{}, err
	}
	v := session.Vouched{
		Issuer: i.ID, Subject: subject, Scopes: session.ParseScopes(strings.Join(said, " ")), Resources: i.Resources,
		Claims: paths.Limit(t.claims, i.Allow),
	}
	if v.Client, err = t.client(i.ID); err != nil {
		return session.Vouched{}, err
	}
	v.Expires, _, _ = t.moment("exp")
	v.Expires = v.Expires.Add(skew)
	v.Issued, _, _ = t.moment("iat")
	v.AuthTime = v.Issued
	if at, ok, _ := t.moment("auth_time"); ok {
		v.AuthTime = at
	}
	return v, nil
}

// client is whom the token was issued to, under a name that no client of ours
// has.
func (t token) client(id string) (ostiary.Client, error) {
	for _, claim := range []string{"azp", "client_id"} {
		if t.claims[claim] == nil {
			continue
		}
		name, err := subjectOf(id, t.text(claim))
		if err != nil {
			return ostiary.Client{}, err
		}
		return ostiary.Client{ID: ostiary.ClientID(name), Name: t.text(claim)}, nil
	}
	return ostiary.Client{ID: ostiary.ClientID(id + "|"), Name: id}, nil
}

// scopes are what the claim `scope` says: one text (RFC 9068 section 2.2.3), or
// a list.
func (t token) scopes() []string {
	return strings.Fields(strings.Join(texts(t.claims["scope"]), " "))
}

// recheck is how long a token is taken for what it was: keys that were
// withdrawn make it bad.
const recheck = 5 * time.Minute

// Recheck implements session.Voucher.
func (t *Trusted) Recheck() time.Duration { return recheck }
