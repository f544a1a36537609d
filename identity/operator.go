package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Right is what an operator token may do at the JSON API.
type Right string

// The rights. Everybody has approve, and read of what is theirs or theirs to
// decide; operators have all.
const (
	RightRead    Right = "read"
	RightApprove Right = "approve"
	RightAdmin   Right = "admin"
)

// Rights are those that a person has.
func (u User) Rights() []Right {
	if u.Admin {
		return []Right{RightRead, RightApprove, RightAdmin}
	}
	return []Right{RightRead, RightApprove}
}

// Errors of operator tokens. All are returned wrapped.
var (
	ErrRight       = errors.New("this is a right that you don't have")
	ErrRightNone   = errors.New("an operator token needs at least one right: read, approve or admin")
	ErrStaleSignIn = errors.New("this needs a fresh sign-in")
)

// An OperatorToken is a token for the JSON API, without the token itself.
type OperatorToken struct {
	ID       string          `json:"id"` // opt_…
	Owner    ostiary.Subject `json:"subject"`
	Name     string          `json:"name"`
	Hint     string          `json:"hint"`
	Rights   []Right         `json:"rights"`
	SignedIn time.Time       `json:"signed_in_at"` // the sign-in it was made in
	Created  time.Time       `json:"created_at"`
	Expires  time.Time       `json:"expires_at"`
	Revoked  *time.Time      `json:"revoked_at,omitempty"`
	KeptTill time.Time       `json:"kept_until,omitzero"`
	Hash     string          `json:"hash"`
	// Generation is the person's when they signed in.
	Generation uint64 `json:"generation,omitempty"`
}

// keptOperator is how long an ended operator token is known, so that who still
// comes with it can be told of.
const keptOperator = 30 * 24 * time.Hour

// Row implements store.Rower.
func (o OperatorToken) Row() store.Row {
	return store.Row{Owner: o.Owner, Expires: o.KeptTill, Index: []store.Index{{Name: "owner", Value: string(o.Owner)}, {Name: "hash", Value: o.Hash}}}
}

// Alive says whether the token is good at a moment.
func (o OperatorToken) Alive(now time.Time) bool { return o.Revoked == nil && now.Before(o.Expires) }

// An Operator is who calls the JSON API, or works on a page: a person with
// the rights of this token or browser session.
type Operator struct {
	User     User
	Tenant   ostiary.Tenant
	Roles    []string
	Rights   []Right
	SignedIn time.Time
	Token    string // id of the operator token; "" in a browser
}

// May says whether the operator holds a right.
func (o Operator) May(r Right) bool { return slices.Contains(o.Rights, r) }

// Operators makes and ends operator tokens. It is safe for concurrent use.
type Operators struct {
	db    *store.DB
	log   Recorder
	users *Users
	table store.Table[OperatorToken]
	key   []byte
	max   time.Duration

	refusals *refusals
}

// NewOperators returns the operator tokens over db; they live at most max.
func NewOperators(db *store.DB, log Recorder, users *Users, max time.Duration) *Operators {
	return &Operators{
		db: db, log: log, users: users, table: store.NewTable[OperatorToken](db, "operator"), key: db.DeriveKey("tokens"), max: max,
		refusals: newRefusals(db, log, users),
	}
}

// OnRefused has count told of every token that Bearer refuses, and why, in
// one of few codes. Call it before Bearer.
func (o *Operators) OnRefused(count func(why string)) { o.refusals.count = count }

// Recognise has tokens of one more kind told of that come here, where they are
// refused. Call it before Bearer.
func (o *Operators) Recognise(kind TokenKind, s Source) { o.refusals.know(kind, s) }

// Create makes a token in a browser session. It needs a sign-in not older
// than fresh, and gives no more than the person has. ttl zero means the most
// that is allowed. The secret is returned this once.
func (o *Operators) Create(ctx context.Context, user User, signedIn time.Time, fresh time.Duration, name string, rights []Right, ttl time.Duration) (OperatorToken, ostiary.Secret, error) {
	now := o.db.Clock().Now()
	if now.Sub(signedIn) > fresh {
		return OperatorToken{}, "", ErrStaleSignIn
	}
	if err := o.check(user, name, rights, ttl); err != nil {
		return OperatorToken{}, "", err
	}
	if ttl == 0 {
		ttl = o.max
	}
	secret := Mint(KindOperator)
	t := OperatorToken{
		ID: ostiary.NewID("opt"), Owner: user.ID, Name: name, Hint: Hint(secret), Rights: rights,
		SignedIn: signedIn, Created: now, Expires: now.Add(ttl), KeptTill: now.Add(ttl).Add(keptOperator), Hash: hashToken(o.key, secret.Reveal()), Generation: user.Generation,
	}
	err := o.db.Change(ctx, "keep an operator token", func(tx *store.Tx) error {
		o.record(tx, "operator_token_created", t, audit.Actor{Tenant: o.users.Tenant(user), Subject: user.ID})
		return o.table.Create(ctx, tx, t.ID, t)
	})
	if err != nil {
		return OperatorToken{}, "", err
	}
	return t, secret, nil
}

func (o *Operators) check(user User, name string, rights []Right, ttl time.Duration) error {
	if len(name) > maxName || !printable(name) {
		return ErrTokenName
	}
	if len(rights) == 0 {
		return ErrRightNone
	}
	for _, r := range rights {
		if !slices.Contains(user.Rights(), r) {
			return fmt.Errorf("%w: %q", ErrRight, r)
		}
	}
	if ttl < 0 {
		return fmt.Errorf("%w: %s", ErrTokenShort, ttl)
	}
	if ttl > o.max {
		return fmt.Errorf("%w: %s; at most %s", ErrTokenTTL, ttl, o.max)
	}
	return nil
}

// Bearer returns whose operator token a text is that came from addr. It reads
// storage each time: a revoked token is refused by the next request on every
// instance. Every way of not being good is ErrInvalidToken, and told of in the
// record where the token is one of ours; other errors are faults.
func (o *Operators) Bearer(ctx context.Context, text string, addr netip.Addr) (Operator, error) {
	c := claim{text, addr}
	if !CheckToken(text, KindOperator) {
		return Operator{}, o.refusals.misplaced(ctx, c)
	}
	t, err := o.find(ctx, text)
	if err != nil {
		return Operator{}, err
	}
	user, err := o.users.Get(ctx, t.Owner)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		return Operator{}, err
	}
	if why := t.refusedAs(user, o.db.Clock().Now()); why != "" {
		return Operator{}, o.refusals.refuse(ctx, c, t.ours(), why)
	}
	return o.users.operator(user, t.Rights, t.SignedIn, t.ID), nil
}

// refusedAs says why the token is not good; "": it is. The zero User is gone.
func (o OperatorToken) refusedAs(owner User, now time.Time) string {
	switch {
	case o.ID == "":
		return whyUnknown
	case o.Revoked != nil:
		return whyRevoked
	case !o.Alive(now):
		return whyExpired
	case owner.ID == "", owner.Machine:
		return whyGone
	case owner.Disabled:
		return whyDisabled
	case owner.Generation != o.Generation:
		return whySignOut
	}
	return ""
}

// find returns the token that a text is, alive or not; the zero token when
// there is none.
func (o *Operators) find(ctx context.Context, text string) (OperatorToken, error) {
	t, err := byHash(ctx, o.table, hashToken(o.key, text), func(t OperatorToken) (string, OperatorToken) { return t.Hash, t })
	if err != nil {
		return t, fmt.Errorf("look for an operator token: %w", err)
	}
	return t, nil
}

// Operator is a person in a browser session, with all their rights.
func (u *Users) Operator(user User, s BrowserSession) Operator {
	return u.operator(user, user.Rights(), s.SignedIn, "")
}

// operator keeps of the rights those that the person still has.
func (u *Users) operator(user User, rights []Right, signedIn time.Time, token string) Operator {
	r := u.paths.read(user.Claims)
	return Operator{
		User: user, Tenant: r.tenant, Roles: r.roles, SignedIn: signedIn, Token: token,
		Rights: slices.DeleteFunc(slices.Clone(rights), func(r Right) bool { return !slices.Contains(user.Rights(), r) }),
	}
}

// List returns a person's living operator tokens, newest first.
func (o *Operators) List(ctx context.Context, owner ostiary.Subject) ([]OperatorToken, error) {
	items, err := o.table.All(ctx, store.Index{Name: "owner", Value: string(owner)})
	if err != nil {
		return nil, err
	}
	now := o.db.Clock().Now()
	out := make([]OperatorToken, 0, len(items))
	for _, it := range items {
		if it.Value.Alive(now) {
			out = append(out, it.Value)
		}
	}
	return out, nil
}

// Revoke ends a person's operator token. Somebody else's is not found, nor one
// that is over.
func (o *Operators) Revoke(ctx context.Context, owner ostiary.Subject, id string) error {
	by, err := o.users.actor(ctx, owner)
	if err != nil {
		return err
	}
	return o.revoke(ctx, owner, id, by)
}

func (o *Operators) revoke(ctx context.Context, owner ostiary.Subject, id string, by audit.Actor) error {
	return o.db.Change(ctx, "revoke an operator token", func(tx *store.Tx) error {
		t, version, err := o.table.Get(ctx, id)
		now := o.db.Clock().Now()
		if errors.Is(err, store.ErrNotFound) || err == nil && (t.Owner != owner || !t.Alive(now)) {
			return ErrTokenNotFound
		}
		if err != nil {
			return err
		}
		t.Revoked, t.KeptTill = &now, now.Add(keptOperator)
		o.record(tx, "operator_token_revoked", t, by)
		return o.table.Update(ctx, tx, id, t, version)
	})
}

// RevokeAll ends every operator token of a person.
func (o *Operators) RevokeAll(ctx context.Context, owner ostiary.Subject) error {
	all, err := o.List(ctx, owner)
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := o.Revoke(ctx, owner, t.ID); err != nil && !errors.Is(err, ErrTokenNotFound) {
			return err
		}
	}
	return nil
}

// Leaked ends an operator token that somebody found; false: it is none, or
// over already.
func (o *Operators) Leaked(ctx context.Context, text string) (bool, error) {
	if !CheckToken(text, KindOperator) {
		return false, nil
	}
	t, err := o.find(ctx, text)
	if err != nil || t.ID == "" {
		return false, err
	}
	if err := o.reported(ctx, t); !errors.Is(err, ErrTokenNotFound) {
		return err == nil, err
	}
	return false, nil
}

// reported ends a leaked token: nobody is known to have done it, and the
// operators of its person's tenant are told.
func (o *Operators) reported(ctx context.Context, t OperatorToken) error {
	owner, err := o.users.actor(ctx, t.Owner)
	if err != nil {
		return err
	}
	return o.revoke(ctx, t.Owner, t.ID, audit.Actor{Tenant: owner.Tenant})
}

func (o *Operators) record(tx *store.Tx, event string, t OperatorToken, by audit.Actor) {
	o.log.Append(tx, audit.Entry{Kind: audit.KindToken, Event: event, Target: t.ID, Actor: by, Detail: map[string]string{"of": string(t.Owner)}})
}
