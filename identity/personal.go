package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// PersonalClient is the client of every personal token: one for all of a
// person's, as no agent vouches for itself with them.
const PersonalClient ostiary.ClientID = "personal"

// A Personal is a personal access token, without the token itself. It is its
// own authorization session, made and ended with it and kept by rotation.
type Personal struct {
	ID       string            `json:"id"` // tok_…
	Owner    ostiary.Subject   `json:"subject"`
	Tenant   ostiary.Tenant    `json:"tenant,omitempty"` // of the owner, when it was made
	Session  ostiary.SessionID `json:"session"`
	Name     string            `json:"name"`
	Hint     string            `json:"hint"`
	Hash     string            `json:"hash"` // keyed, of the token
	Tier     string            `json:"tier"`
	Apps     ostiary.Selection `json:"apps"`
	Tools    ostiary.Selection `json:"tools"`
	Sites    ostiary.Selection `json:"sites"`
	CIDRs    []netip.Prefix    `json:"cidrs,omitempty"`
	Created  time.Time         `json:"created_at"`
	Expires  *time.Time        `json:"expires_at"` // nil: never
	Revoked  *time.Time        `json:"revoked_at,omitempty"`
	Reason   string            `json:"revocation_reason,omitempty"`
	KeptTill time.Time         `json:"kept_until,omitzero"`
}

// Row implements store.Rower.
func (p Personal) Row() store.Row {
	return store.Row{Owner: p.Owner, Expires: p.KeptTill, Index: []store.Index{
		{Name: "all", Value: "all"},
		{Name: "owner", Value: string(p.Owner)},
		{Name: "hash", Value: p.Hash},
	}}
}

// Alive says whether the token is good at a moment.
func (p Personal) Alive(now time.Time) bool {
	return p.Revoked == nil && (p.Expires == nil || now.Before(*p.Expires))
}

// A PersonalSpec is what somebody asks a personal token to be. Apps, Tools
// and Sites that say nothing mean none.
type PersonalSpec struct {
	Name  string
	Tier  ostiary.Tier
	Apps  ostiary.Selection
	Tools ostiary.Selection
	Sites ostiary.Selection
	// TTL zero means the default; Endless asks for no end at all.
	TTL     time.Duration
	Endless bool
	CIDRs   []netip.Prefix
}

// CheckNames refuses what no call can ever be of: ErrTokenApp and ErrTokenTool.
// A tool that its app doesn't offer now may come.
func (s PersonalSpec) CheckNames(isApp func(id string) bool) error {
	for _, app := range s.Apps.IDs {
		if !isApp(app) {
			return fmt.Errorf("apps: %q %w", app, ErrTokenApp)
		}
	}
	for _, tool := range s.Tools.IDs {
		app, name, _ := strings.Cut(tool, ":")
		pattern := name != "*" && strings.ContainsAny(name, "*?") && !strings.HasPrefix(name, "@")
		if !isApp(app) || name == "" || pattern {
			return fmt.Errorf("tools: %q %w", tool, ErrTokenTool)
		}
	}
	return nil
}

// PersonalConfig bounds personal tokens.
type PersonalConfig struct {
	DefaultTTL, MaxTTL time.Duration
	AllowEndless       bool
	Admins             Admins // of whom none is made
}

// maxName is the longest name of a token, in bytes.
const maxName = 100

// kept is how long expired and revoked tokens stay visible.
const kept = 90 * 24 * time.Hour

// Errors about tokens. All are returned wrapped.
var (
	ErrTokenNotFound = errors.New("no such token")
	ErrTokenName     = errors.New("a token needs a name of 1 to 100 bytes of printable text, without control characters")
	ErrTokenNamed    = errors.New("you have a token of this name already")
	ErrTokenTier     = errors.New("a token needs a tier: read, write or admin")
	ErrTokenTTL      = errors.New("a token can't live that long here")
	ErrTokenShort    = errors.New("a token must live for some time")
	ErrTokenAdmin    = errors.New("tokens are not made for people with admin rights here")
	ErrTokenEndless  = errors.New("tokens without an end are not allowed here")
	ErrTokenWider    = errors.New("a token can only be narrowed; make a new one")
	ErrTokenCIDR     = errors.New("a token's addresses must be prefixes, like 192.0.2.0/24")
	ErrTokenRotated  = errors.New("this token was rotated at the same moment by somebody else, whose value is the good one")
	ErrTokenApp      = errors.New("is no app here")
	ErrTokenTool     = errors.New("can be no tool of an app here: name each as APP:TOOL, or all of an app as APP:*")
	ErrTokenOver     = errors.New("this token is revoked or expired")
)

// Tokens makes and ends personal tokens. It is safe for concurrent use.
type Tokens struct {
	db     *store.DB
	epochs *store.Epochs
	log    Recorder
	users  *Users
	ender  SessionEnder
	config PersonalConfig
	key    []byte

	personal store.Table[Personal]
	names    store.Table[nameTaken]
	used     *lastUsed
}

// NewTokens returns the personal tokens over db.
func NewTokens(db *store.DB, epochs *store.Epochs, log Recorder, users *Users, ender SessionEnder, c PersonalConfig) *Tokens {
	return &Tokens{
		db: db, epochs: epochs, log: log, users: users, ender: ender, config: c,
		key:      db.DeriveKey("tokens"),
		personal: store.NewTable[Personal](db, "personal"),
		names:    store.NewTable[nameTaken](db, "personal-name"),
		used:     newLastUsed(db),
	}
}

// A nameTaken stands where a name of a person's token is in use.
type nameTaken struct {
	Owner ostiary.Subject `json:"owner"`
	Token string          `json:"token"`
}

// Row implements store.Rower.
func (n nameTaken) Row() store.Row { return store.Row{Owner: n.Owner} }

func nameKey(owner ostiary.Subject, name string) string {
	return fmt.Sprintf("%d:%s:%s", len(owner), owner, name)
}

// Create makes a token for a person. The secret is returned this once.
// Somebody who was disabled or deleted meanwhile is ErrUserNotFound, who may have
// none for their admin rights ErrTokenAdmin.
func (t *Tokens) Create(ctx context.Context, owner User, spec PersonalSpec, by audit.Actor) (Personal, ostiary.Secret, error) {
	secret := Mint(KindPersonal)
	p, err := t.draft(owner, spec, secret)
	if err != nil {
		return Personal{}, "", err
	}
	err = t.db.Change(ctx, "keep a new token", func(tx *store.Tx) error {
		person, err := t.users.StillThere(ctx, tx, p.Owner)
		if err != nil {
			return err
		}
		if t.config.Admins.Refuses(t.users, person) {
			return ErrTokenAdmin
		}
		if err := t.takeName(ctx, tx, p); err != nil {
			return err
		}
		t.record(tx, "created", p, by)
		return t.personal.Create(ctx, tx, p.ID, p)
	})
	if err != nil {
		return Personal{}, "", err
	}
	return p, secret, nil
}

func (t *Tokens) draft(owner User, spec PersonalSpec, secret ostiary.Secret) (Personal, error) {
	name, err := tokenName(spec.Name)
	if err != nil {
		return Personal{}, err
	}
	if _, ok := ostiary.ParseTier(spec.Tier.String()); !ok {
		return Personal{}, ErrTokenTier
	}
	cidrs, err := tidy(spec.CIDRs)
	if err != nil {
		return Personal{}, err
	}
	now := t.db.Clock().Now()
	end, err := t.end(spec, now)
	if err != nil {
		return Personal{}, err
	}
	p := Personal{
		ID: ostiary.NewID("tok"), Owner: owner.ID, Tenant: t.users.Tenant(owner), Session: ostiary.SessionID(ostiary.NewID("ses")),
		Name: name, Hint: Hint(secret), Hash: hashToken(t.key, secret.Reveal()), Tier: spec.Tier.String(),
		Apps: spec.Apps, Tools: spec.Tools, Sites: spec.Sites, CIDRs: cidrs, Created: now, Expires: end,
	}
	if end != nil {
		p.KeptTill = end.Add(kept)
	}
	return p, nil
}

func tokenName(name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > maxName || !printable(name) {
		return "", ErrTokenName
	}
	return name, nil
}

func (t *Tokens) end(spec PersonalSpec, now time.Time) (*time.Time, error) {
	if spec.Endless {
		if !t.config.AllowEndless {
			return nil, ErrTokenEndless
		}
		return nil, nil
	}
	ttl := spec.TTL
	if ttl == 0 {
		ttl = t.config.DefaultTTL
	}
	if ttl < 0 {
		return nil, fmt.Errorf("%w: %s", ErrTokenShort, ttl)
	}
	if ttl > t.config.MaxTTL {
		return nil, fmt.Errorf("%w: %s; at most %s", ErrTokenTTL, ttl, t.config.MaxTTL)
	}
	end := now.Add(ttl)
	return &end, nil
}

// takeName claims a name at the version that was looked at, so that of two
// at once one gets it. The name of a token that is over is free.
func (t *Tokens) takeName(ctx context.Context, tx *store.Tx, p Personal) error {
	key := nameKey(p.Owner, p.Name)
	version, err := t.version(ctx, t.names.Key(key))
	if err != nil {
		return err
	}
	taken, _, err := t.names.Get(ctx, key)
	if err == nil {
		err = t.over(ctx, taken.Token)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return t.names.Update(ctx, tx, key, nameTaken{p.Owner, p.ID}, version)
}

// version is that of a row, also of one that can't be opened any more: an
// earlier person of the same id had the name.
func (t *Tokens) version(ctx context.Context, k store.Key) (store.Version, error) {
	rec, err := t.db.Store.Get(ctx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("look for a token's name: %w", err)
	}
	return rec.Version, nil
}

// over is nil when a token is gone, revoked or expired.
func (t *Tokens) over(ctx context.Context, id string) error {
	p, err := t.Get(ctx, id)
	if errors.Is(err, ErrTokenNotFound) {
		return nil
	}
	if err == nil && p.Alive(t.db.Clock().Now()) {
		return fmt.Errorf("%w: %q", ErrTokenNamed, p.Name)
	}
	return err
}

// Get returns one token by its id.
func (t *Tokens) Get(ctx context.Context, id string) (Personal, error) {
	p, _, err := t.get(ctx, id)
	return p, err
}

func (t *Tokens) get(ctx context.Context, id string) (Personal, store.Version, error) {
	p, version, err := t.personal.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Personal{}, 0, ErrTokenNotFound
	}
	return p, version, err
}

// Owned returns a person's own token by its id. Somebody else's is
// ErrTokenNotFound.
func (t *Tokens) Owned(ctx context.Context, owner ostiary.Subject, id string) (Personal, error) {
	p, err := t.Get(ctx, id)
	if err == nil && p.Owner != owner {
		return Personal{}, ErrTokenNotFound
	}
	return p, err
}

// List returns tokens, newest first: a person's, or everybody's for "".
func (t *Tokens) List(ctx context.Context, owner ostiary.Subject, limit int, cursor string) ([]Personal, string, error) {
	index := store.Index{Name: "owner", Value: string(owner)}
	if owner == "" {
		index = store.Index{Name: "all", Value: "all"}
	}
	items, next, err := t.personal.List(ctx, index, limit, cursor)
	if err != nil {
		return nil, "", err
	}
	out := make([]Personal, len(items))
	for i, it := range items {
		out[i] = it.Value
	}
	return out, next, nil
}

// LastUsed tells when a token was last used, to the minute; zero: not known.
func (t *Tokens) LastUsed(ctx context.Context, p Personal) (time.Time, error) {
	return t.UsedAt(ctx, p.ID)
}

// UsedAt tells when what goes by an id was last used, to the minute; zero: not
// known. Tokens of every kind that the resolver takes are noted here.
func (t *Tokens) UsedAt(ctx context.Context, id string) (time.Time, error) { return t.used.of(ctx, id) }

// find returns the token that a secret is, alive or not; the zero token when
// there is none.
func (t *Tokens) find(ctx context.Context, token string) (Personal, error) {
	return byHash(ctx, t.personal, hashToken(t.key, token), func(p Personal) (string, Personal) { return p.Hash, p })
}

func (t *Tokens) record(tx *store.Tx, event string, p Personal, by audit.Actor) {
	if by.Tenant == "" {
		by.Tenant = p.Tenant // so that operators of the tenant see it
	}
	t.log.Append(tx, audit.Entry{
		Kind: audit.KindToken, Event: event, Target: p.ID, Actor: by,
		Detail: map[string]string{"of": string(p.Owner), "name": p.Name, "tier": p.Tier},
	})
}
