package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Admins says whether agents' tokens may carry a person's admin claim and
// roles: allow, strip or reject. The zero value strips.
type Admins string

// What happens to admin rights in agents' tokens.
const (
	AdminsAllow  Admins = "allow"
	AdminsStrip  Admins = "strip"
	AdminsReject Admins = "reject"
)

// Anonymous is what a caller without a token may use in public mode.
type Anonymous struct {
	Scopes []string
	Apps   ostiary.Selection
}

// A Resolver builds principals from bearer tokens. It is safe for concurrent
// use.
type Resolver struct {
	tokens *Tokens
	admins Admins
	public *ostiary.Principal
	cache  *store.Cache[fingerprint, *known]

	refusals *refusals
}

// known is a token as it was read under the epochs of its principal.
type known struct {
	token     Personal
	ids       store.EpochIDs
	principal *ostiary.Principal // nil: the token is not good
	why       string             // it is not
}

// A fingerprint stands for a token in memory, where the token itself is not
// kept. It never leaves the process, so it needs no key.
type fingerprint [sha256.Size]byte

func fingerprintOf(token string) fingerprint {
	var text [64]byte // on the stack: a token is shorter
	return sha256.Sum256(append(text[:0], token...))
}

// maxKnown bounds how many tokens are remembered.
const maxKnown = 50_000

// NewResolver returns a resolver. public nil: callers without a token get
// nothing.
func NewResolver(tokens *Tokens, admins Admins, public *Anonymous) *Resolver {
	r := &Resolver{
		tokens: tokens, admins: admins, cache: store.NewCache[fingerprint, *known](maxKnown),
		refusals: newRefusals(tokens.db, tokens.log, tokens.users),
	}
	if public != nil {
		r.public = anonymous(*public)
	}
	return r
}

// OnRefused has count told of every token that Bearer refuses, and why, in
// one of few codes. Call it before Bearer.
func (r *Resolver) OnRefused(count func(why string)) { r.refusals.count = count }

func anonymous(a Anonymous) *ostiary.Principal {
	p := &ostiary.Principal{
		Anonymous: true, Scopes: a.Scopes, Apps: a.Apps,
		Tools: ostiary.Selection{All: true}, Resources: []string{"*"},
	}
	for _, t := range []ostiary.Tier{ostiary.TierRead, ostiary.TierWrite, ostiary.TierAdmin} {
		if slices.Contains(a.Scopes, "mcp:"+t.String()) {
			p.Tier = t
		}
	}
	return p
}

// Anonymous returns the principal of a caller without a token; nil where
// everybody has to sign in.
func (r *Resolver) Anonymous(ctx context.Context) (*ostiary.Principal, error) {
	if r.public == nil {
		return nil, nil
	}
	p := *r.public
	var err error
	p.Epochs, err = r.tokens.epochs.Of(ctx, store.EpochsOf(&p))
	return &p, err
}

// Bearer returns the principal of a token that came from addr. Every way of
// not being good is ErrInvalidToken, and told of in the record where the token
// is one of ours; other errors are faults. The principal is shared: nobody
// changes it.
func (r *Resolver) Bearer(ctx context.Context, text string, addr netip.Addr) (*ostiary.Principal, error) {
	if !CheckToken(text, KindPersonal) {
		return nil, r.refusals.misplaced(ctx, claim{text, addr})
	}
	k, err := r.known(ctx, text)
	if err != nil {
		return nil, err
	}
	now := r.tokens.db.Clock().Now()
	if k.principal == nil || !k.token.Alive(now) || !from(addr, k.token.CIDRs) {
		return nil, r.refusals.refuse(ctx, claim{text, addr}, k.token.ours(), k.refusedAs(now))
	}
	r.tokens.used.note(&k.token, now)
	return k.principal, nil
}

// refusedAs says why a token is not good that is not.
func (k *known) refusedAs(now time.Time) string {
	switch {
	case k.why != "":
		return k.why
	case !k.token.Alive(now):
		return whyExpired
	default:
		return whyAddress
	}
}

// Elsewhere tells the record of a good token that came to an endpoint that it
// is not for.
func (r *Resolver) Elsewhere(ctx context.Context, text string, addr netip.Addr) error {
	o, err := r.refusals.find(ctx, text)
	if err != nil {
		return err
	}
	if err := r.refusals.refuse(ctx, claim{text, addr}, o, whyEndpoint); !errors.Is(err, ErrInvalidToken) {
		return err
	}
	return nil
}

// known returns what the token was when it was last read, if none of its
// epochs has moved since; else it reads again. Epochs are read before
// records, so that what is remembered is never older than it says.
func (r *Resolver) known(ctx context.Context, text string) (*known, error) {
	print := fingerprintOf(text)
	if k, ok := r.cache.Peek(print, 0); ok {
		at, err := r.tokens.epochs.Of(ctx, k.ids)
		if err != nil {
			return nil, fmt.Errorf("read the epochs of a token: %w", err)
		}
		if at == k.principal.Epochs {
			return k, nil
		}
	}
	k, err := r.read(ctx, text)
	if err == nil && k.principal != nil {
		r.cache.Keep(print, 0, k)
	}
	return k, err
}

func (r *Resolver) read(ctx context.Context, text string) (*known, error) {
	p, err := r.tokens.find(ctx, text)
	if errors.Is(err, ErrTokenNotFound) {
		return &known{why: whyUnknown}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a token: %w", err)
	}
	for range maxTries {
		k, moved, err := r.build(ctx, p.ID, bearer(text))
		if err != nil || !moved {
			return k, err
		}
	}
	return nil, fmt.Errorf("read token %s: %w", p.ID, store.ErrConflict)
}

// A shown is what a token is held to, besides being alive: its secret, or that
// it is a session's.
type shown func(r *Resolver, p Personal) bool

func bearer(text string) shown {
	return func(r *Resolver, p Personal) bool { return p.Hash == hashToken(r.tokens.key, text) }
}

// build reads the epochs first, then token and person. moved: the person's
// tenant is not the one whose epoch was read.
func (r *Resolver) build(ctx context.Context, id string, is shown) (k *known, moved bool, err error) {
	p, owner, err := r.tokenAndOwner(ctx, id)
	if err != nil {
		return nil, false, err
	}
	ids := store.EpochIDs{Session: p.Session, Subject: p.Owner, Client: PersonalClient, Tenant: r.tokens.users.Tenant(owner)}
	at, err := r.tokens.epochs.Of(ctx, ids)
	if err != nil {
		return nil, false, fmt.Errorf("read the epochs of a token: %w", err)
	}
	p, owner, err = r.tokenAndOwner(ctx, id)
	if err != nil {
		return nil, false, err
	}
	if why := r.refusedAs(p, owner, is); why != "" {
		return &known{token: p, why: why}, false, nil
	}
	if r.tokens.users.Tenant(owner) != ids.Tenant {
		return nil, true, nil
	}
	k = &known{token: p, ids: ids, principal: r.principal(p, owner, at)}
	if k.principal == nil {
		k.why = whyAdmin
	}
	return k, false, nil
}

// refusedAs says why a token is not good, whatever its end; "": it is.
func (r *Resolver) refusedAs(p Personal, owner User, is shown) string {
	switch {
	case p.ID == "" || !is(r, p):
		return whyUnknown
	case p.Revoked != nil:
		return whyRevoked
	case owner.ID == "":
		return whyGone
	case owner.Disabled:
		return whyDisabled
	}
	return ""
}

// tokenAndOwner returns the zero value of what is gone.
func (r *Resolver) tokenAndOwner(ctx context.Context, id string) (Personal, User, error) {
	p, err := r.tokens.Get(ctx, id)
	if errors.Is(err, ErrTokenNotFound) {
		return Personal{}, User{}, nil
	}
	if err != nil {
		return Personal{}, User{}, err
	}
	owner, err := r.tokens.users.Get(ctx, p.Owner)
	if errors.Is(err, ErrUserNotFound) {
		err = nil
	}
	return p, owner, err
}

// principal is at most what the person may now, narrowed by the token; nil
// when the person's admin rights forbid agents.
func (r *Resolver) principal(t Personal, owner User, at ostiary.Epochs) *ostiary.Principal {
	have := r.tokens.users.paths.read(owner.Claims)
	if r.admins != AdminsAllow {
		if r.admins == AdminsReject && (have.admin || slices.ContainsFunc(have.roles, isAdminRole)) {
			return nil
		}
		have.admin = false
		have.roles = slices.DeleteFunc(have.roles, isAdminRole)
	}
	tier, _ := ostiary.ParseTier(t.Tier)
	return &ostiary.Principal{
		Subject: t.Owner, Client: ostiary.Client{ID: PersonalClient, Name: t.Name, Verified: true}, Tenant: have.tenant,
		Sites: narrow(have.sites, t.Sites), Roles: have.roles, Admin: have.admin,
		Tier: tier, Scopes: scopes(tier, t.Apps), Apps: t.Apps, Tools: t.Tools,
		Session: t.Session, Resources: resources(t.Apps), AuthTime: t.Created, Epochs: at,
	}
}

func isAdminRole(role string) bool {
	return role == "admin" || role == "owner" || role == "superadmin"
}

func narrow(have []ostiary.Site, to ostiary.Selection) []ostiary.Site {
	if to.All {
		return have
	}
	out := []ostiary.Site{}
	for _, s := range have {
		if to.Has(string(s)) {
			out = append(out, s)
		}
	}
	return out
}

// scopes are those that a tier on apps holds.
func scopes(tier ostiary.Tier, apps ostiary.Selection) []string {
	out := []string{"mcp:" + tier.String()}
	if apps.All {
		return append(out, "*:"+tier.String())
	}
	for _, app := range apps.IDs {
		out = append(out, app+":"+tier.String())
	}
	return out
}

// resources are the MCP endpoints that a token's apps reach.
func resources(apps ostiary.Selection) []string {
	if apps.All {
		return []string{"*"}
	}
	out := []string{"/mcp"}
	for _, app := range apps.IDs {
		out = append(out, "/"+app+"/mcp")
	}
	return out
}
