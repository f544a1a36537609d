package identity

import (
	"context"
	"net/netip"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

// A Held is what a bearer token holds, as it stands in storage now. What its
// owner may is asked beside it: a token never gives more. The zero Held is
// nobody's.
type Held struct {
	ID      string          // names the token, or the session it is of, in the record and for when it was last used
	Owner   ostiary.Subject // a person, or the machine client whose session it is
	Machine bool            // Owner is a machine client
	Tenant  ostiary.Tenant  // of the owner, when it was made
	Foreign bool            // an issuer's token: Claims are its word, and admins are ruled by it alone
	Claims  Claims
	Client  ostiary.Client
	Session ostiary.SessionID

	Tier      ostiary.Tier
	Scopes    []string
	Apps      ostiary.Selection
	Skipped   ostiary.Selection // see ostiary.Principal
	Tools     ostiary.Selection
	Whole     map[string][]ostiary.Category
	Sites     ostiary.Selection
	Resources []string
	KeepAdmin bool           // the person let this agent have their admin rights, where Admins strips them
	CIDRs     []netip.Prefix // none: good from anywhere
	AuthTime  time.Time
	Expires   time.Time // zero: never
	Revoked   bool
	Outsider  bool      // the client is for others' people: the token is good again when its owner is one of them
	Recheck   time.Time // it is read again then; zero: when an epoch of it moves
	KeptTill  time.Time // how long it is known when it was last used; zero: for ever
}

// Alive says whether the token is good at a moment.
func (h Held) Alive(now time.Time) bool {
	return !h.Revoked && (h.Expires.IsZero() || now.Before(h.Expires))
}

func (h Held) ours() ours {
	return ours{h.ID, audit.Actor{Tenant: h.Tenant, Subject: h.Owner, Client: h.Client.ID, Session: h.Session}}
}

// A Source knows the bearer tokens of one kind. Whatever takes away from what
// a token holds, or adds to it, moves the epoch of its session in the same
// commit. Implementations are safe for concurrent use; errors are faults.
type Source interface {
	// Held returns what a well-formed token holds; the zero Held for nobody's.
	Held(ctx context.Context, token string) (Held, error)
	// HeldBy returns what a subject's authorization session holds, whose token
	// is not at hand; the zero Held where there is none of this kind.
	HeldBy(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID) (Held, error)
}

// held is what a personal token holds.
func (p Personal) held() Held {
	tier, _ := ostiary.ParseTier(p.Tier)
	h := Held{
		ID: p.ID, Owner: p.Owner, Tenant: p.Tenant, Session: p.Session,
		Client: ostiary.Client{ID: PersonalClient, Name: p.Name, Verified: true},
		Tier:   tier, Scopes: scopes(tier, p.Apps), Apps: p.Apps, Tools: p.Tools, Sites: p.Sites, Resources: resources(p.Apps),
		CIDRs: p.CIDRs, AuthTime: p.Created, Revoked: p.Revoked != nil, KeptTill: p.KeptTill,
	}
	if p.Expires != nil {
		h.Expires = *p.Expires
	}
	return h
}

// Held implements Source.
func (t *Tokens) Held(ctx context.Context, token string) (Held, error) {
	p, err := t.find(ctx, token)
	if err != nil || p.ID == "" {
		return Held{}, err
	}
	return p.held(), nil
}
