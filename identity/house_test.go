package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A book is the log of a test: entries stand in the same commit as what they
// tell of.
type book struct{}

const bookName = "test1"

func (book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: bookName, Line: func(uint64) ([]byte, error) { return line, err }})
}

// ended remembers which sessions were ended.
type ended struct {
	mu       sync.Mutex
	sessions []ostiary.SessionID
}

func (e *ended) EndSession(_ context.Context, _ *store.Tx, id ostiary.SessionID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions = append(e.sessions, id)
	return nil
}

// An instance is one gateway's identity over a storage that it may share. It
// does not follow the feed of changes: the worst case.
type instance struct {
	db        *store.DB
	epochs    *store.Epochs
	users     *identity.Users
	tokens    *identity.Tokens
	operators *identity.Operators
	browsers  *identity.Browsers
	resolver  *identity.Resolver
	ended     *ended
}

type house struct {
	t testing.TB
	*instance
	clock *clock
	raw   store.Store
	ring  *store.Keyring
	conf  conf
}

type conf struct {
	users    []identity.User
	admins   identity.Admins
	public   *identity.Anonymous
	personal identity.PersonalConfig
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

var (
	all     = ostiary.Selection{All: true}
	by      = audit.Actor{Subject: "root"}
	anybody = netip.MustParseAddr("192.0.2.7")
)

func newHouse(t testing.TB, edits ...func(*conf)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)}}
	h.raw, h.ring = memory.Open(h.clock), store.NewKeyring(h.clock)
	h.conf = conf{personal: identity.PersonalConfig{DefaultTTL: 30 * day, MaxTTL: year}}
	for _, edit := range edits {
		edit(&h.conf)
	}
	h.instance = h.over(t, h.raw)
	return h
}

func (h *house) over(t testing.TB, raw store.Store) *instance {
	t.Helper()
	db, err := store.Open(t.Context(), raw, h.ring, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{db: db, epochs: store.NewEpochs(db), ended: &ended{}}
	i.users = identity.NewUsers(db, i.epochs, book{}, h.conf.users, identity.DefaultClaimPaths())
	i.tokens = identity.NewTokens(db, i.epochs, book{}, i.users, i.ended, h.conf.personal)
	i.operators = identity.NewOperators(db, book{}, i.users, 12*time.Hour)
	i.browsers = identity.NewBrowsers(db, book{}, i.users, identity.BrowserConfig{Idle: 30 * time.Minute, Max: 12 * time.Hour})
	i.resolver = identity.NewResolver(i.tokens, h.conf.admins, h.conf.public)
	return i
}

// alice is a stored person of acme with two sites.
func (h *house) alice(t testing.TB) identity.User {
	t.Helper()
	return h.person(t, "alice", identity.Claims{"tenant": "acme", "sites": []any{"site-A", "site-B"}, "roles": []any{"manager"}})
}

func (h *house) person(t testing.TB, id ostiary.Subject, claims identity.Claims) identity.User {
	t.Helper()
	if err := h.users.Create(t.Context(), identity.User{ID: id, Claims: claims}, by); err != nil {
		t.Fatal(err)
	}
	u, err := h.users.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func spec(name string, edits ...func(*identity.PersonalSpec)) identity.PersonalSpec {
	s := identity.PersonalSpec{Name: name, Tier: ostiary.TierWrite, Apps: all, Tools: all, Sites: all}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func (h *house) token(t testing.TB, owner identity.User, s identity.PersonalSpec) (identity.Personal, ostiary.Secret) {
	t.Helper()
	p, secret, err := h.tokens.Create(t.Context(), owner, s, by)
	if err != nil {
		t.Fatal(err)
	}
	return p, secret
}

func (i *instance) bearer(t testing.TB, secret ostiary.Secret) (*ostiary.Principal, error) {
	t.Helper()
	return i.resolver.Bearer(t.Context(), secret.Reveal(), anybody)
}

func (i *instance) mustBearer(t testing.TB, secret ostiary.Secret) *ostiary.Principal {
	t.Helper()
	p, err := i.bearer(t, secret)
	if err != nil {
		t.Fatalf("got %v; want a principal", err)
	}
	return p
}

func (i *instance) wantInvalid(t testing.TB, secret ostiary.Secret) {
	t.Helper()
	if p, err := i.bearer(t, secret); !errors.Is(err, identity.ErrInvalidToken) || p != nil {
		t.Errorf("got %v, %v; want %v", p, err, identity.ErrInvalidToken)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v; want %v", got, want)
	}
}

// events are those of the log, in order.
func (h *house) events(t testing.TB) []string {
	t.Helper()
	var out []string
	for raw, err := range h.raw.Entries(t.Context(), bookName, 0) {
		var e audit.Entry
		if err := errors.Join(err, json.Unmarshal(raw.Line, &e)); err != nil {
			t.Fatal(err)
		}
		out = append(out, string(e.Kind)+" "+e.Event)
	}
	return out
}

// A flaky store answers as it is told to.
type flaky struct {
	store.Store
	reads, commits error // while set, what reads and commits answer
	taken          int   // that many commits find their log taken
}

func (f *flaky) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if f.reads != nil {
		return store.Record{}, f.reads
	}
	return f.Store.Get(ctx, k)
}

func (f *flaky) List(ctx context.Context, q store.Query) (store.Page, error) {
	if f.reads != nil {
		return store.Page{}, f.reads
	}
	return f.Store.List(ctx, q)
}

func (f *flaky) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if f.commits != nil {
		return store.Receipt{}, f.commits
	}
	if f.taken > 0 && len(tx.Appends) > 0 {
		f.taken--
		return store.Receipt{}, store.ErrLogTaken
	}
	return f.Store.Commit(ctx, tx)
}

var errDown = errors.New("storage is down")

// A meanwhile store lets somebody else act after some reads.
type meanwhile struct {
	store.Store
	after int
	do    func()
}

func (m *meanwhile) read() {
	if m.after--; m.after == 0 && m.do != nil {
		do := m.do
		m.do = nil
		do()
	}
}

func (m *meanwhile) Get(ctx context.Context, k store.Key) (store.Record, error) {
	defer m.read()
	return m.Store.Get(ctx, k)
}

func (m *meanwhile) List(ctx context.Context, q store.Query) (store.Page, error) {
	defer m.read()
	return m.Store.List(ctx, q)
}

// personalEpochs are those of alice's token.
func personalEpochs(p identity.Personal) store.EpochIDs {
	return store.EpochIDs{Session: p.Session, Subject: p.Owner, Client: identity.PersonalClient, Tenant: p.Tenant}
}
