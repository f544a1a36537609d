package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// ErrNoBrowserSession means that nobody is signed in with this cookie.
var ErrNoBrowserSession = errors.New("not signed in")

// A BrowserSession is one person signed in with one browser. It is not an
// authorization session: agents have nothing of it.
type BrowserSession struct {
	ID       string          `json:"id"` // keyed hash of the cookie
	Subject  ostiary.Subject `json:"subject"`
	SignedIn time.Time       `json:"signed_in_at"`
	LastSeen time.Time       `json:"last_seen"` // to a tenth of the idle limit
	Ends     time.Time       `json:"ends"`
	CSRF     string          `json:"csrf"` // bound to this session; forms and API calls carry it
	// Generation is the person's when they signed in.
	Generation uint64 `json:"generation,omitempty"`
}

// Row implements store.Rower.
func (b BrowserSession) Row() store.Row {
	return store.Row{Owner: b.Subject, Expires: b.Ends, Index: []store.Index{{Name: "subject", Value: string(b.Subject)}}}
}

// BrowserConfig bounds browser sessions.
type BrowserConfig struct {
	Idle time.Duration // ends after so long without a request
	Max  time.Duration // ends after so long in any case
}

// Browsers keeps browser sessions. It is safe for concurrent use.
type Browsers struct {
	db     *store.DB
	log    Recorder
	users  *Users
	table  store.Table[BrowserSession]
	key    []byte
	config BrowserConfig
}

// NewBrowsers returns the browser sessions over db.
func NewBrowsers(db *store.DB, log Recorder, users *Users, c BrowserConfig) *Browsers {
	return &Browsers{
		db: db, log: log, users: users, config: c,
		table: store.NewTable[BrowserSession](db, "browser"), key: db.DeriveKey("browser sessions"),
	}
}

// Start signs a person in: it makes a new session with a new cookie and ends
// the one that the browser had before, so that nobody can fix a session id
// in advance.
func (b *Browsers) Start(ctx context.Context, user User, before ostiary.Secret) (BrowserSession, ostiary.Secret, error) {
	return b.StartFrom(ctx, user, before, b.db.Clock().Now())
}

// StartFrom is Start for who showed elsewhere who they are, at a moment that
// may lie back.
func (b *Browsers) StartFrom(ctx context.Context, user User, before ostiary.Secret, signedIn time.Time) (BrowserSession, ostiary.Secret, error) {
	cookie, now := ostiary.Secret(rand.Text()+rand.Text()), b.db.Clock().Now()
	s := BrowserSession{
		ID: hashToken(b.key, cookie.Reveal()), Subject: user.ID, CSRF: rand.Text(),
		SignedIn: signedIn, LastSeen: now, Ends: now.Add(b.config.Max), Generation: user.Generation,
	}
	err := b.db.Change(ctx, "keep the browser session", func(tx *store.Tx) error {
		if before != "" {
			tx.Delete(b.table.Key(hashToken(b.key, before.Reveal())))
		}
		b.record(tx, "signed_in", audit.Actor{Tenant: b.users.Tenant(user), Subject: user.ID})
		return b.table.Create(ctx, tx, s.ID, s)
	})
	if err != nil {
		return BrowserSession{}, "", err
	}
	return s, cookie, nil
}

// Find returns the session of a cookie and the person as they are now.
// ErrNoBrowserSession covers every way of not being signed in.
func (b *Browsers) Find(ctx context.Context, cookie ostiary.Secret) (BrowserSession, User, error) {
	if cookie == "" {
		return BrowserSession{}, User{}, ErrNoBrowserSession
	}
	s, version, err := b.table.Get(ctx, hashToken(b.key, cookie.Reveal()))
	if errors.Is(err, store.ErrNotFound) {
		return BrowserSession{}, User{}, ErrNoBrowserSession
	}
	if err != nil {
		return BrowserSession{}, User{}, fmt.Errorf("read the browser session: %w", err)
	}
	user, err := b.person(ctx, s)
	if err != nil {
		return BrowserSession{}, User{}, err
	}
	return s, user, b.seen(ctx, s, version, b.db.Clock().Now())
}

// Still returns the person of a session that was found before, as they are
// now, and ErrNoBrowserSession when it has ended. It does not count as a
// request: a page that only listens doesn't keep its session alive.
func (b *Browsers) Still(ctx context.Context, s BrowserSession) (User, error) {
	s, _, err := b.table.Get(ctx, s.ID)
	if errors.Is(err, store.ErrNotFound) {
		return User{}, ErrNoBrowserSession
	}
	if err != nil {
		return User{}, fmt.Errorf("read the browser session: %w", err)
	}
	return b.person(ctx, s)
}

// person is who a session is of, if both are good now.
func (b *Browsers) person(ctx context.Context, s BrowserSession) (User, error) {
	now := b.db.Clock().Now()
	if !now.Before(s.Ends) || now.Sub(s.LastSeen) >= b.config.Idle {
		return User{}, ErrNoBrowserSession
	}
	user, err := b.users.Get(ctx, s.Subject)
	if errors.Is(err, ErrUserNotFound) || err == nil && (user.Disabled || user.Machine || user.Generation != s.Generation) {
		return User{}, ErrNoBrowserSession
	}
	return user, err
}

// seen moves the idle limit, at most ten times in its length. Of two
// requests at once one is enough.
func (b *Browsers) seen(ctx context.Context, s BrowserSession, version store.Version, now time.Time) error {
	if now.Sub(s.LastSeen) < b.config.Idle/10 {
		return nil
	}
	s.LastSeen = now
	var tx store.Tx
	if err := b.table.Update(ctx, &tx, s.ID, s, version); err != nil {
		return err
	}
	if _, err := b.db.Commit(ctx, tx); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("refresh the browser session: %w", err)
	}
	return nil
}

// End signs the browser out.
func (b *Browsers) End(ctx context.Context, s BrowserSession) error {
	by, err := b.users.actor(ctx, s.Subject)
	if err != nil {
		return err
	}
	return b.db.Change(ctx, "end the browser session", func(tx *store.Tx) error {
		tx.Delete(b.table.Key(s.ID))
		b.record(tx, "signed_out", by)
		return nil
	})
}

// EndAll signs a person out of every browser.
func (b *Browsers) EndAll(ctx context.Context, subject ostiary.Subject) error {
	by, err := b.users.actor(ctx, subject)
	if err != nil {
		return err
	}
	return b.db.Change(ctx, "end the browser sessions", func(tx *store.Tx) error {
		items, err := b.table.All(ctx, store.Index{Name: "subject", Value: string(subject)})
		if err != nil || len(items) == 0 {
			return err
		}
		for _, it := range items {
			tx.Delete(b.table.Key(it.ID))
		}
		b.record(tx, "signed_out_everywhere", by)
		return nil
	})
}

func (b *Browsers) record(tx *store.Tx, event string, by audit.Actor) {
	b.log.Append(tx, audit.Entry{Kind: audit.KindAuth, Event: event, Actor: by})
}
