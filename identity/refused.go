package identity

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Why a token is not good, for the record and for metrics; "": it is good.
// The caller learns none of it.
const (
	whyUnknown  = "unknown" // nobody's token: leaves no entry
	whyRevoked  = "revoked"
	whyExpired  = "expired"
	whyKind     = "wrong_kind"
	whyAddress  = "wrong_address"
	whyEndpoint = "other_endpoint"
	whyDisabled = "account_disabled"
	whyGone     = "account_gone"
	whyAdmin    = "admin_rights"
	whySignOut  = "signed_out"
	whyOutsider = "not_a_member" // of what owns the client
)

// refusals tell the record of tokens of ours that were refused, so that an
// operator finds out why somebody is turned away: each at most once in
// tellAgain on this instance. What is nobody's token is counted and leaves
// nothing, so that a stranger can't make the record grow.
type refusals struct {
	db        *store.DB
	log       Recorder
	users     *Users
	key       []byte
	personal  store.Table[Personal]
	operators store.Table[OperatorToken]
	sources   map[TokenKind]Source // besides those two
	count     func(why string)

	mu   sync.Mutex
	told map[fingerprint]time.Time
}

const (
	tellAgain = time.Minute
	maxTold   = 10_000 // tokens in that time; more are counted alone
)

func newRefusals(db *store.DB, log Recorder, users *Users) *refusals {
	return &refusals{
		db: db, log: log, users: users, key: db.DeriveKey("tokens"), count: func(string) {},
		personal: store.NewTable[Personal](db, "personal"), operators: store.NewTable[OperatorToken](db, "operator"),
		sources: map[TokenKind]Source{}, told: map[fingerprint]time.Time{},
	}
}

// know has tokens of one more kind told of.
func (f *refusals) know(kind TokenKind, s Source) { f.sources[kind] = s }

// A claim is a token that came from somewhere.
type claim struct {
	text string
	from netip.Addr
}

// An ours is what the record tells of a token of ours.
type ours struct {
	id    string
	actor audit.Actor // its tenant counts where the person has none any more
}

func (o OperatorToken) ours() ours { return ours{o.ID, audit.Actor{Subject: o.Owner}} }

// refuse returns ErrInvalidToken; or, where a refusal of ours can't be
// recorded, the fault.
func (f *refusals) refuse(ctx context.Context, c claim, o ours, why string) error {
	if o.id == "" {
		why = whyUnknown
	}
	f.count(why)
	print := fingerprintOf(c.text)
	if why == whyUnknown || !f.first(print) {
		return ErrInvalidToken
	}
	if err := f.record(ctx, c, o, why); err != nil {
		f.forget(print)
		return err
	}
	return ErrInvalidToken
}

// misplaced refuses a token of another kind than the door takes. It is
// refused whatever storage says; only the record asks whose it is.
func (f *refusals) misplaced(ctx context.Context, c claim) error {
	o, err := f.find(ctx, c.text)
	if err != nil {
		o = ours{}
	}
	_ = f.refuse(ctx, c, o, whyKind) // a fault is no way in, and no other answer
	return ErrInvalidToken
}

// find tells whose token a text is; the zero ours: nobody's.
func (f *refusals) find(ctx context.Context, text string) (o ours, err error) {
	hash := hashToken(f.key, text)
	switch kind := KindOf(text); kind {
	case KindPersonal:
		o, err = byHash(ctx, f.personal, hash, func(p Personal) (string, ours) { return p.Hash, p.held().ours() })
	case KindOperator:
		o, err = byHash(ctx, f.operators, hash, func(t OperatorToken) (string, ours) { return t.Hash, t.ours() })
	default:
		if source, ok := f.sources[kind]; ok {
			h, err := source.Held(ctx, text)
			return h.ours(), err
		}
	}
	return o, err
}

// byHash finds the one row of a token; the zero O when there is none.
func byHash[T store.Rower, O any](ctx context.Context, table store.Table[T], hash string, of func(T) (string, O)) (found O, err error) {
	items, _, err := table.List(ctx, store.Index{Name: "hash", Value: hash}, 1, "")
	if err != nil {
		return found, err
	}
	for _, it := range items {
		if h, o := of(it.Value); h == hash {
			return o, nil
		}
	}
	return found, nil
}

// record writes one entry. Whoever hangs up is recorded all the same.
func (f *refusals) record(ctx context.Context, c claim, o ours, why string) error {
	ctx = context.WithoutCancel(ctx)
	owner, err := f.users.actor(ctx, o.actor.Subject)
	if err != nil {
		return err
	}
	if owner.Tenant != "" {
		o.actor.Tenant = owner.Tenant
	}
	o.actor.IPClass = audit.IPClass(c.from)
	return f.db.Change(ctx, "record a token that was refused", func(tx *store.Tx) error {
		f.log.Append(tx, audit.Entry{
			Kind: audit.KindAuth, Event: "token_refused", Target: o.id, Actor: o.actor, Detail: map[string]string{"why": why},
			Decision: &audit.Decision{Effect: ostiary.Deny.String(), Reason: ostiary.ReasonUnauthenticated},
		})
		return nil
	})
}

// first says whether a token was not told of for tellAgain, and that it is now.
func (f *refusals) first(print fingerprint) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.db.Clock().Now()
	if at, ok := f.told[print]; ok && now.Sub(at) < tellAgain {
		return false
	}
	if len(f.told) >= maxTold {
		for k, at := range f.told {
			if now.Sub(at) >= tellAgain {
				delete(f.told, k)
			}
		}
	}
	if len(f.told) >= maxTold {
		return false
	}
	f.told[print] = now
	return true
}

func (f *refusals) forget(print fingerprint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.told, print)
}
