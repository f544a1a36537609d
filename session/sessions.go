package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// Errors about sessions. All are returned wrapped.
var (
	ErrNotFound = errors.New("no such session")
	ErrOver     = errors.New("this session was revoked, or is over")
	ErrNotYours = errors.New("only the person whose session it is can widen it")
	ErrCeiling  = errors.New("the client can't be given this scope")
	ErrDraft    = errors.New("a session can't be opened so")
)

// Config is how sessions behave. The zero value gives access tokens no life.
type Config struct {
	AccessTTL time.Duration // life of an access token
	Retention time.Duration // how long a session that is over stays visible
	// NoConsent: people are not asked to choose tools, and every tool of an
	// open app counts as agreed to.
	NoConsent bool
	// MachineApps are the apps that are open to machine clients: those that
	// need nobody's credential. nil: none. It is asked when a token is read;
	// whoever changes them moves the deployment's epoch.
	MachineApps func() []string
	// Owner says whose people a client is for; owned false: everybody's. nil:
	// all are for everybody.
	Owner func(id ostiary.ClientID) (o Owner, owned bool)
	// SkippedApps are those whose read tools run also in sessions that skipped
	// them. nil: none. It is asked as MachineApps is.
	SkippedApps func() []string
}

// Sessions keeps the authorization sessions of agents. It is safe for
// concurrent use.
type Sessions struct {
	db     *store.DB
	epochs *store.Epochs
	log    identity.Recorder
	users  *identity.Users
	ender  identity.SessionEnder
	config Config

	table    store.Table[Session]
	access   store.Table[access]
	machines store.Table[machine]
	foreign  store.Table[machine] // of an issuer, subject and client

	remembered store.Table[Remembered]
}

// New returns the sessions over db.
func New(db *store.DB, epochs *store.Epochs, log identity.Recorder, users *identity.Users, ender identity.SessionEnder, c Config) *Sessions {
	return &Sessions{
		db: db, epochs: epochs, log: log, users: users, ender: ender, config: c,
		table: store.NewTable[Session](db, "session"), access: store.NewTable[access](db, "access"),
		machines: store.NewTable[machine](db, "machine-session"), foreign: store.NewTable[machine](db, "foreign-session"),
		remembered: store.NewTable[Remembered](db, "remembered-consent"),
	}
}

// Find returns one session, alive or not. It must return an error wrapping
// ErrNotFound if there is none.
func (s *Sessions) Find(ctx context.Context, id ostiary.SessionID) (Session, error) {
	ses, _, err := s.find(ctx, id)
	return ses, err
}

func (s *Sessions) find(ctx context.Context, id ostiary.SessionID) (Session, store.Version, error) {
	ses, version, err := s.table.Get(ctx, string(id))
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, 0, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return ses.settled(), version, err
}

// Owned returns a person's own session. Somebody else's is ErrNotFound.
func (s *Sessions) Owned(ctx context.Context, subject ostiary.Subject, id ostiary.SessionID) (Session, error) {
	ses, err := s.Find(ctx, id)
	if err == nil && ses.Subject != subject {
		return Session{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return ses, err
}

// Living returns a session that is in force, and has tx conflict when it ends
// or changes meanwhile. It must return an error wrapping ErrNotFound or
// ErrOver if there is none.
func (s *Sessions) Living(ctx context.Context, tx *store.Tx, id ostiary.SessionID) (Session, error) {
	ses, version, err := s.living(ctx, id)
	if err == nil {
		tx.Assert(s.table.Key(string(id)), version)
	}
	return ses, err
}

func (s *Sessions) living(ctx context.Context, id ostiary.SessionID) (Session, store.Version, error) {
	ses, version, err := s.find(ctx, id)
	if err == nil && !ses.Alive(s.db.Clock().Now()) {
		err = fmt.Errorf("%w: %s", ErrOver, id)
	}
	return ses, version, err
}

// A Filter selects sessions; the zero Filter all. Fields that are set all have
// to match.
type Filter struct {
	Subject ostiary.Subject
	Client  ostiary.ClientID
	Tenant  ostiary.Tenant
}

func (f Filter) index() store.Index {
	switch {
	case f.Subject != "":
		return store.Index{Name: "subject", Value: string(f.Subject)}
	case f.Client != "" && f.Tenant != "":
		return ofClientIn(f.Client, f.Tenant)
	case f.Client != "":
		return store.Index{Name: "client", Value: string(f.Client)}
	case f.Tenant != "":
		return store.Index{Name: "tenant", Value: string(f.Tenant)}
	}
	return all
}

func (f Filter) matches(s Session) bool {
	return (f.Subject == "" || s.Subject == f.Subject) && (f.Client == "" || s.Client.ID == f.Client) && (f.Tenant == "" || s.Tenant == f.Tenant)
}

// List returns one page of sessions, newest first, those that are over
// included. A page may be shorter than limit and not the last.
func (s *Sessions) List(ctx context.Context, f Filter, limit int, cursor string) ([]Session, string, error) {
	items, next, err := s.table.List(ctx, f.index(), limit, cursor)
	if err != nil {
		return nil, "", err
	}
	out := make([]Session, 0, len(items))
	for _, it := range items {
		if f.matches(it.Value) {
			out = append(out, it.Value.settled())
		}
	}
	return out, next, nil
}

func (s *Sessions) record(tx *store.Tx, event string, ses Session, by audit.Actor, more map[string]string) {
	if by.Tenant == "" {
		by.Tenant = ses.Tenant // so that operators of the tenant see it
	}
	detail := map[string]string{"of": string(ses.Subject), "client": string(ses.Client.ID), "tier": ses.Tier}
	for k, v := range more {
		detail[k] = v
	}
	s.log.Append(tx, audit.Entry{Kind: audit.KindSession, Event: event, Target: string(ses.ID), Actor: by, Detail: detail})
}
