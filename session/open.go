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

// A Draft is what a person gave an agent, before there is a session.
type Draft struct {
	Subject    ostiary.Subject   `json:"subject"`
	Client     Client            `json:"client"`
	Resources  []string          `json:"resources"`
	Asked      []string          `json:"asked"` // scopes; those of apps count where the app was opened
	Tier       string            `json:"tier"`  // chosen: none of the scopes passes it
	Sites      ostiary.Selection `json:"sites"`
	Authorized []string          `json:"authorized"`
	Skipped    []string          `json:"skipped"`
	Pending    []string          `json:"pending"`
	Consent    Consent           `json:"consent"`
	KeepAdmin  bool              `json:"keep_admin"`
	AuthTime   time.Time         `json:"auth_time"`
	Expires    time.Time         `json:"expires"`
}

// Open adds a new session to tx. The person must still be there when tx is
// committed; who is disabled or gone is identity.ErrUserNotFound. What the
// client can't be given is ErrCeiling.
func (s *Sessions) Open(ctx context.Context, tx *store.Tx, d Draft) (Session, error) {
	now := s.db.Clock().Now()
	tier, ok := ostiary.ParseTier(d.Tier)
	switch {
	case !ok:
		return Session{}, fmt.Errorf("%w: tier %q", ErrDraft, d.Tier)
	case !now.Before(d.Expires):
		return Session{}, fmt.Errorf("%w: it would be over", ErrDraft)
	case len(d.Resources) == 0:
		return Session{}, fmt.Errorf("%w: it is for no resource", ErrDraft)
	case d.Client.ID == "" || d.Client.ID == identity.PersonalClient:
		return Session{}, fmt.Errorf("%w: client %q", ErrDraft, d.Client.ID)
	}
	scopes := Granted(tier, d.Authorized, d.Asked, d.Client.Ceiling)
	for _, app := range d.Authorized {
		if !slices.ContainsFunc(scopes, func(s string) bool { return AppOf(s) == app }) {
			return Session{}, fmt.Errorf("%w: any of %q", ErrCeiling, app)
		}
	}
	owner, err := s.users.StillThere(ctx, tx, d.Subject)
	if err == nil && owner.Machine {
		err = fmt.Errorf("%w: %q is a machine client", identity.ErrUserNotFound, d.Subject)
	}
	if err != nil {
		return Session{}, err
	}
	ses := Session{
		ID: ostiary.SessionID(ostiary.NewID("ses")), Subject: d.Subject, Tenant: s.users.Tenant(owner), Client: d.Client,
		Resources: d.Resources, Scopes: scopes, Tier: max(TopTier(scopes), ostiary.TierRead).String(), Sites: d.Sites,
		Authorized: d.Authorized, Skipped: d.Skipped, Pending: d.Pending, Consent: d.Consent, KeepAdmin: d.KeepAdmin,
		AuthTime: d.AuthTime, Created: now, Expires: d.Expires, KeptTill: d.Expires.Add(s.config.Retention),
	}
	s.record(tx, "opened", ses, audit.Actor{Tenant: ses.Tenant, Subject: ses.Subject, Client: ses.Client.ID, Session: ses.ID}, nil)
	return ses, s.table.Create(ctx, tx, string(ses.ID), ses)
}

// A machine says which session is a machine client's.
type machine struct {
	Session ostiary.SessionID `json:"session"`
}

// Row implements store.Rower.
func (machine) Row() store.Row { return store.Row{} }

// OfMachine returns the one session of a machine client, and adds it to tx
// where there is none in force. The client is the subject; what it may is what
// the directory says of it. A client that isn't there is
// identity.ErrUserNotFound.
func (s *Sessions) OfMachine(ctx context.Context, tx *store.Tx, c Client, resources []string) (Session, error) {
	owner, err := s.users.StillThere(ctx, tx, ostiary.Subject(c.ID))
	if err == nil && !owner.Machine {
		err = fmt.Errorf("%w: machine client %q", identity.ErrUserNotFound, c.ID)
	}
	if err != nil {
		return Session{}, err
	}
	m, version, err := s.machines.Get(ctx, string(c.ID))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Session{}, err
	}
	if err == nil {
		ses, err := s.Living(ctx, tx, m.Session)
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrOver) {
			return s.widenResources(ctx, tx, ses, resources, err)
		}
	}
	now := s.db.Clock().Now()
	ses := Session{
		ID: ostiary.SessionID(ostiary.NewID("ses")), Subject: owner.ID, Machine: true, Tenant: s.users.Tenant(owner), Client: c,
		Resources: resources, Scopes: owner.Scopes, Tier: TopTier(owner.Scopes).String(), Sites: ostiary.Selection{All: true}, AuthTime: now, Created: now,
	}
	s.record(tx, "opened", ses, audit.Actor{Tenant: ses.Tenant, Subject: ses.Subject, Client: ses.Client.ID, Session: ses.ID}, nil)
	if err := s.machines.Update(ctx, tx, string(c.ID), machine{ses.ID}, version); err != nil {
		return Session{}, err
	}
	return ses, s.table.Create(ctx, tx, string(ses.ID), ses)
}

// widenResources has a machine client's session be for one more resource: each
// of its tokens names its own.
func (s *Sessions) widenResources(ctx context.Context, tx *store.Tx, ses Session, resources []string, err error) (Session, error) {
	if err != nil {
		return Session{}, err
	}
	before := len(ses.Resources)
	for _, r := range resources {
		if !slices.Contains(ses.Resources, r) {
			ses.Resources = append(ses.Resources, r)
		}
	}
	if len(ses.Resources) == before {
		return ses, nil
	}
	return ses, s.table.Put(ctx, tx, string(ses.ID), ses)
}
