package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// An access is an access token, without the token itself: it stands under the
// token's hash, and is gone with its end.
type access struct {
	Session   ostiary.SessionID `json:"session"`
	Owner     ostiary.Subject   `json:"owner,omitempty"` // whose key seals it
	Client    ostiary.ClientID  `json:"client"`
	Scopes    []string          `json:"scopes"` // that it was narrowed to; nil: as the session
	Resources []string          `json:"resources"`
	Created   time.Time         `json:"created_at"`
	Expires   time.Time         `json:"expires_at"`
}

// Row implements store.Rower.
func (a access) Row() store.Row {
	return store.Row{Owner: a.Owner, Expires: a.Expires, Index: []store.Index{ofSession(a.Session)}}
}

func ofSession(id ostiary.SessionID) store.Index {
	return store.Index{Name: "session", Value: string(id)}
}

// MaxAccess is how many access tokens of one session are good at once. Of more,
// the oldest end. (Several made in the same moment may pass it until the next.)
const MaxAccess = 20

// A Token is a fresh access token.
type Token struct {
	Secret  ostiary.Secret
	Created time.Time
	Expires time.Time
	Scopes  []string // that it holds now
	Good    []Minted // the access tokens of the session, the oldest first; it is the last
}

// A Minted is an access token as whoever made it remembers it.
type Minted struct {
	ID      string    `json:"id"`
	Expires time.Time `json:"expires_at"`
}

// A Narrowing is what one access token holds less than its session.
type Narrowing struct {
	Scopes    []string // nil: all of the session's
	Resources []string // nil: all of the session's
	// Good are the access tokens that there are, where that is known for sure;
	// nil: they are looked for.
	Good []Minted
}

// Mint adds a new access token of a session to tx. It never outlives the
// session; what it holds follows what the session holds.
func (s *Sessions) Mint(ctx context.Context, tx *store.Tx, ses Session, n Narrowing) (Token, error) {
	good, err := s.makeRoom(ctx, tx, ses.ID, n.Good)
	if err != nil {
		return Token{}, err
	}
	now := s.db.Clock().Now()
	a := access{
		Session: ses.ID, Owner: ses.owner(), Client: ses.Client.ID, Scopes: n.Scopes, Resources: ses.Resources,
		Created: now, Expires: now.Add(s.config.AccessTTL),
	}
	if n.Resources != nil {
		a.Resources = n.Resources
	}
	if !ses.Expires.IsZero() && ses.Expires.Before(a.Expires) {
		a.Expires = ses.Expires
	}
	r, err := s.reachOf(ctx, ses)
	if err != nil {
		return Token{}, err
	}
	secret := identity.Mint(identity.KindAccess)
	id := identity.HashToken(s.db, secret)
	good = append(good, Minted{id, a.Expires})
	return Token{secret, now, a.Expires, r.narrowed(n.Scopes).at(a.Resources).scopes, good}, s.access.Create(ctx, tx, id, a)
}

// makeRoom ends the oldest access tokens of a session that has too many, and
// returns the others.
func (s *Sessions) makeRoom(ctx context.Context, tx *store.Tx, id ostiary.SessionID, good []Minted) ([]Minted, error) {
	if good == nil {
		items, err := s.access.All(ctx, ofSession(id))
		if err != nil {
			return nil, err
		}
		for _, it := range slices.Backward(items) { // which come newest first
			good = append(good, Minted{it.ID, it.Value.Expires})
		}
	}
	now := s.db.Clock().Now()
	good = slices.DeleteFunc(slices.Clone(good), func(m Minted) bool { return !now.Before(m.Expires) })
	over := len(good) - (MaxAccess - 1)
	if over <= 0 {
		return good, nil
	}
	for _, m := range good[:over] {
		tx.Delete(s.access.Key(m.ID))
	}
	s.epochs.Bump(tx, store.EpochIDs{Session: id})
	return good[over:], nil
}

// Held implements identity.Source for access tokens.
func (s *Sessions) Held(ctx context.Context, token string) (identity.Held, error) {
	a, ses, err := s.accessOf(ctx, token)
	if err != nil || ses.ID == "" {
		return identity.Held{}, err
	}
	h, err := s.held(ctx, ses, Narrowing{Scopes: a.Scopes, Resources: a.Resources})
	h.Expires = a.Expires
	return h, err
}

// HeldBy implements identity.Source.
func (s *Sessions) HeldBy(ctx context.Context, subject ostiary.Subject, id ostiary.SessionID) (identity.Held, error) {
	ses, err := s.Owned(ctx, subject, id)
	if errors.Is(err, ErrNotFound) {
		return identity.Held{}, nil
	}
	if err != nil {
		return identity.Held{}, err
	}
	return s.held(ctx, ses, Narrowing{})
}

// accessOf returns the zero value of what is gone.
func (s *Sessions) accessOf(ctx context.Context, token string) (access, Session, error) {
	a, _, err := s.access.Get(ctx, identity.HashToken(s.db, ostiary.Secret(token)))
	if errors.Is(err, store.ErrNotFound) {
		return access{}, Session{}, nil
	}
	if err != nil {
		return access{}, Session{}, err
	}
	ses, err := s.Find(ctx, a.Session)
	if errors.Is(err, ErrNotFound) {
		return access{}, Session{}, nil
	}
	return a, ses, err
}

func (s *Sessions) held(ctx context.Context, ses Session, n Narrowing) (identity.Held, error) {
	r, err := s.reachOf(ctx, ses)
	if err != nil {
		return identity.Held{}, err
	}
	if n.Resources == nil {
		n.Resources = ses.Resources
	}
	r = r.narrowed(n.Scopes).at(n.Resources)
	h := identity.Held{
		ID: string(ses.ID), Owner: ses.Subject, Machine: ses.Machine, Tenant: ses.Tenant, Session: ses.ID,
		Client: ostiary.Client{ID: ses.Client.ID, Name: ses.Client.Name, Verified: ses.Client.Verified},
		Tier:   r.tier, Scopes: r.scopes, Apps: r.apps, Skipped: r.skipped, Sites: ses.Sites, Resources: n.Resources,
		Tools: ses.Consent.tools(), Whole: ses.Consent.whole(), KeepAdmin: ses.KeepAdmin, AuthTime: ses.AuthTime,
		Expires: ses.Expires, Revoked: ses.Revoked != nil, KeptTill: ses.KeptTill,
	}
	if ses.Machine || ses.Foreign != nil || s.config.NoConsent {
		h.Tools = ostiary.Selection{All: true}
	}
	if ses.Foreign != nil {
		h.Foreign, h.Claims, h.Expires = true, ses.Foreign.Claims, ses.Foreign.Expires
	}
	return h, s.owned(ctx, &h)
}

// reachOf is what a session reaches now: a machine client's, what the
// configuration says of the client.
func (s *Sessions) reachOf(ctx context.Context, ses Session) (reach, error) {
	if !ses.Machine {
		tier, _ := ostiary.ParseTier(ses.Tier)
		if ses.Foreign != nil {
			return s.reachOfVouched(ses.Scopes), nil
		}
		return reach{tier: tier, scopes: ses.Scopes, apps: ostiary.Selection{IDs: ses.Authorized}, skipped: s.readable(ses)}, nil
	}
	owner, err := s.users.Get(ctx, ses.Subject)
	if errors.Is(err, identity.ErrUserNotFound) {
		return reach{}, nil
	}
	if err != nil {
		return reach{}, fmt.Errorf("look for a machine client: %w", err)
	}
	return s.reachOfMachine(owner.Scopes), nil
}

// reachOfMachine is what scopes come to on the apps that need nobody's
// credential: all where a tier is named, else those that are named. Nobody
// chose less.
func (s *Sessions) reachOfMachine(scopes []string) (r reach) {
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == AnyScope })
	if s.config.MachineApps == nil || len(scopes) == 0 {
		return r
	}
	r.apps.IDs = s.config.MachineApps()
	if _, named := TierOf(scopes); !named {
		unnamed := func(app string) bool {
			return !slices.ContainsFunc(scopes, func(s string) bool { return AppOf(s) == app })
		}
		r.apps.IDs = slices.DeleteFunc(slices.Clone(r.apps.IDs), unnamed)
	}
	r.scopes = Granted(ostiary.TierAdmin, r.apps.IDs, scopes, []string{AnyScope})
	r.tier = TopTier(r.scopes)
	return r
}

// Holds are the scopes that a session holds now.
func (s *Sessions) Holds(ctx context.Context, ses Session) ([]string, error) {
	r, err := s.reachOf(ctx, ses)
	return r.scopes, err
}

// readable are the apps that a session skipped and may read all the same.
func (s *Sessions) readable(ses Session) (apps ostiary.Selection) {
	if s.config.SkippedApps == nil || len(ses.Skipped) == 0 {
		return apps
	}
	for _, app := range s.config.SkippedApps() {
		if slices.Contains(ses.Skipped, app) {
			apps.IDs = append(apps.IDs, app)
		}
	}
	return apps
}

// An Access is what is known of an access token.
type Access struct {
	Client  ostiary.ClientID // that it was issued to
	Session Session
	Created time.Time
	Expires time.Time
}

// Look tells of an access token that isn't over, whether its session is or
// not; the zero Access: it is nobody's.
func (s *Sessions) Look(ctx context.Context, token string) (Access, error) {
	a, ses, err := s.accessOf(ctx, token)
	return Access{a.Client, ses, a.Created, a.Expires}, err
}

// EndAccess ends one access token; its session goes on. One that isn't there
// is no error.
func (s *Sessions) EndAccess(ctx context.Context, token string, by audit.Actor) error {
	return s.db.Change(ctx, "end an access token", func(tx *store.Tx) error {
		a, ses, err := s.accessOf(ctx, token)
		if err != nil || ses.ID == "" {
			return err
		}
		s.epochs.Bump(tx, store.EpochIDs{Session: a.Session})
		s.record(tx, "access_ended", ses, by, nil)
		tx.Delete(s.access.Key(identity.HashToken(s.db, ostiary.Secret(token))))
		return nil
	})
}

// Leaked ends the session of an access token that somebody found; false: it is
// none, or over already.
func (s *Sessions) Leaked(ctx context.Context, text string) (bool, error) {
	if !identity.CheckToken(text, identity.KindAccess) {
		return false, nil
	}
	_, ses, err := s.accessOf(ctx, text)
	if err != nil || ses.ID == "" {
		return false, err
	}
	_, err = s.Revoke(ctx, ses.ID, "a token of it was reported as leaked", audit.Actor{})
	if errors.Is(err, ErrOver) || errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
