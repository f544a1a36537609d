package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	tokens  *Tokens
	admins  Admins
	public  *ostiary.Principal
	sources []kindSource // of personal tokens first
	foreign Source       // of tokens that are none of ours; nil: none
	cache   *store.Cache[fingerprint, *known]

	refusals *refusals
}

type kindSource struct {
	kind TokenKind
	Source
}

// known is a token as it was read under the epochs of its principal.
type known struct {
	held      Held
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
		tokens: tokens, admins: admins, sources: []kindSource{{KindPersonal, tokens}},
		cache:    store.NewCache[fingerprint, *known](maxKnown),
		refusals: newRefusals(tokens.db, tokens.log, tokens.users),
	}
	if public != nil {
		r.public = anonymous(*public)
	}
	return r
}

// Accept has Bearer take tokens of one more kind. Call it before Bearer.
func (r *Resolver) Accept(kind TokenKind, s Source) {
	r.sources = append(r.sources, kindSource{kind, s})
	r.refusals.know(kind, s)
}

// AcceptForeign has Bearer take JWTs, which a source says what they hold of.
// Call it before Bearer.
func (r *Resolver) AcceptForeign(s Source) { r.foreign = s }

func (r *Resolver) source(token string) Source {
	for _, s := range r.sources {
		if CheckToken(token, s.kind) {
			return s.Source
		}
	}
	if r.foreign != nil && strings.Count(token, ".") == 2 {
		return r.foreign
	}
	return nil
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
	source := r.source(text)
	if source == nil {
		return nil, r.refusals.misplaced(ctx, claim{text, addr})
	}
	k, err := r.known(ctx, source, text)
	if err != nil {
		return nil, err
	}
	now := r.tokens.db.Clock().Now()
	if k.principal == nil || !k.held.Alive(now) || !from(addr, k.held.CIDRs) {
		return nil, r.refusals.refuse(ctx, claim{text, addr}, k.held.ours(), k.refusedAs(now))
	}
	r.tokens.used.note(&k.held, now)
	return k.principal, nil
}

// Now returns the principal of a token as storage has it, whatever is
// remembered: for telling what the token holds, not for using it. It must
// return an error wrapping ErrInvalidToken unless the token is good.
func (r *Resolver) Now(ctx context.Context, text string) (*ostiary.Principal, error) {
	source := r.source(text)
	if source == nil {
		return nil, ErrInvalidToken
	}
	k, err := r.read(ctx, bearer(source, text))
	if err != nil {
		return nil, err
	}
	if k.principal == nil || !k.held.Alive(r.tokens.db.Clock().Now()) {
		return nil, ErrInvalidToken
	}
	return k.principal, nil
}

// refusedAs says why a token is not good that is not.
func (k *known) refusedAs(now time.Time) string {
	switch {
	case k.why != "":
		return k.why
	case !k.held.Alive(now):
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
// epochs has moved since; else it reads again.
func (r *Resolver) known(ctx context.Context, source Source, text string) (*known, error) {
	print := fingerprintOf(text)
	if k, ok := r.cache.Peek(print, 0); ok {
		at, err := r.tokens.epochs.Of(ctx, k.ids)
		if err != nil {
			return nil, fmt.Errorf("read the epochs of a token: %w", err)
		}
		if at == k.principal.Epochs && (k.held.Recheck.IsZero() || r.tokens.db.Clock().Now().Before(k.held.Recheck)) {
			return k, nil
		}
	}
	k, err := r.read(ctx, bearer(source, text))
	if err == nil && k.principal != nil {
		r.cache.Keep(print, 0, k)
	}
	return k, err
}

// A look reads what is held, by the token or by a session that has none at
// hand.
type look func(ctx context.Context) (Held, error)

func bearer(source Source, text string) look {
	return func(ctx context.Context) (Held, error) { return source.Held(ctx, text) }
}

// maxMoves bounds how often a token is read again whose owner is moving from
// tenant to tenant.
const maxMoves = 20

func (r *Resolver) read(ctx context.Context, look look) (*known, error) {
	for range maxMoves {
		k, moved, err := r.build(ctx, look)
		if err != nil || !moved {
			return k, err
		}
	}
	return nil, fmt.Errorf("read a token: %w", store.ErrConflict)
}

// build reads which epochs concern the token, then the epochs, and then what
// is remembered, so that it is never older than the epochs say. moved: it is
// not theirs any more.
func (r *Resolver) build(ctx context.Context, look look) (k *known, moved bool, err error) {
	_, _, ids, err := r.heldAndOwner(ctx, look)
	if err != nil || ids == (store.EpochIDs{}) {
		return &known{why: whyUnknown}, false, err
	}
	at, err := r.tokens.epochs.Of(ctx, ids)
	if err != nil {
		return nil, false, fmt.Errorf("read the epochs of a token: %w", err)
	}
	h, owner, now, err := r.heldAndOwner(ctx, look)
	if err != nil {
		return nil, false, err
	}
	if why := refusedAs(h, owner); why != "" {
		return &known{held: h, why: why}, false, nil
	}
	if now != ids {
		return nil, true, nil
	}
	k = &known{held: h, ids: ids, principal: r.principal(h, owner, at)}
	if k.principal == nil {
		k.why = whyAdmin
	}
	return k, false, nil
}

// refusedAs says why what is held is not good, whatever its end; "": it is.
func refusedAs(h Held, owner User) string {
	switch {
	case h.ID == "":
		return whyUnknown
	case h.Revoked:
		return whyRevoked
	case owner.ID == "", owner.Machine != h.Machine:
		return whyGone
	case owner.Disabled:
		return whyDisabled
	case h.Outsider:
		return whyOutsider
	}
	return ""
}

// heldAndOwner returns the zero value of what is gone.
func (r *Resolver) heldAndOwner(ctx context.Context, look look) (Held, User, store.EpochIDs, error) {
	h, err := look(ctx)
	if err != nil {
		return Held{}, User{}, store.EpochIDs{}, fmt.Errorf("look for a token: %w", err)
	}
	if h.ID == "" {
		return Held{}, User{}, store.EpochIDs{}, nil
	}
	owner, err := r.tokens.users.Get(ctx, h.Owner)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		return Held{}, User{}, store.EpochIDs{}, err
	}
	if h.Foreign {
		owner.Claims = h.Claims
	}
	ids := store.EpochIDs{Session: h.Session, Subject: h.Owner, Client: h.Client.ID, Tenant: r.tokens.users.Tenant(owner)}
	return h, owner, ids, nil
}

// principal is at most what the owner may now, narrowed by what is held; nil
// when the owner's admin rights forbid agents.
func (r *Resolver) principal(h Held, owner User, at ostiary.Epochs) *ostiary.Principal {
	have := r.tokens.users.paths.read(owner.Claims)
	if !h.Foreign && r.admins.reject(have) {
		return nil
	}
	if !h.Foreign && r.admins != AdminsAllow && !h.KeepAdmin {
		have.admin = false
		have.roles = slices.DeleteFunc(have.roles, isAdminRole)
	}
	return &ostiary.Principal{
		Subject: h.Owner, Client: h.Client, Tenant: have.tenant,
		Sites: narrow(have.sites, h.Sites), Roles: have.roles, Admin: have.admin,
		Tier: h.Tier, Scopes: h.Scopes, Apps: h.Apps, Skipped: h.Skipped, Tools: h.Tools, Whole: h.Whole,
		Session: h.Session, Resources: h.Resources, AuthTime: h.AuthTime, Epochs: at,
	}
}

// Refuses says whether agents may not act for a person at all, for the admin
// rights that they have now.
func (a Admins) Refuses(u *Users, person User) bool { return a.reject(u.paths.read(person.Claims)) }

func (a Admins) reject(have rights) bool {
	return a == AdminsReject && (have.admin || slices.ContainsFunc(have.roles, isAdminRole))
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
