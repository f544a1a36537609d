package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

// A book is the log of a test.
type book struct{}

const bookName = "test1"

func (book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: bookName, Line: func(uint64) ([]byte, error) { return line, err }})
}

// ended remembers which sessions were ended with their approvals.
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

// An instance is one gateway's sessions over a storage that it may share. It
// does not follow the feed of changes: the worst case.
type instance struct {
	db       *store.DB
	epochs   *store.Epochs
	users    *identity.Users
	sessions *session.Sessions
	resolver *identity.Resolver
	ended    *ended
}

type conf struct {
	users  []identity.User
	admins identity.Admins
	config session.Config
}

type house struct {
	*instance
	clock *storetest.Clock
	raw   store.Store
	ring  *store.Keyring
	conf  conf
}

const day = 24 * time.Hour

var (
	every  = ostiary.Selection{All: true}
	by     = audit.Actor{Subject: "root"}
	claims = identity.Claims{"tenant": "acme", "sites": []any{"site-A", "site-B"}, "roles": []any{"manager"}}
)

func newHouse(t testing.TB, edits ...func(*conf)) *house {
	t.Helper()
	h := &house{clock: storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))}
	h.raw, h.ring = memory.Open(h.clock), store.NewKeyring(h.clock)
	h.conf.config = session.Config{AccessTTL: time.Hour, Retention: 90 * day}
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
	i.sessions = session.New(db, i.epochs, book{}, i.users, i.ended, h.conf.config)
	tokens := identity.NewTokens(db, i.epochs, book{}, i.users, i.ended, identity.PersonalConfig{DefaultTTL: day, MaxTTL: day})
	i.resolver = identity.NewResolver(tokens, h.conf.admins, nil)
	i.resolver.Accept(identity.KindAccess, i.sessions)
	return i
}

func (h *house) person(t testing.TB, id ostiary.Subject, c identity.Claims) {
	t.Helper()
	must(t, h.users.Create(t.Context(), identity.User{ID: id, Claims: c}, by))
}

// draft is what alice gives her agent: crm whole, when reading and writing
// tools were shown, and one tool of notes.
func (h *house) draft(edits ...func(*session.Draft)) session.Draft {
	d := session.Draft{
		Subject:   "alice",
		Client:    session.Client{ID: "https://agent.example/c", Name: "Agent", Kind: "agent", Ceiling: []string{session.AnyScope}},
		Resources: []string{"/mcp"}, Tier: "write", Sites: every,
		Authorized: []string{"crm", "notes"}, Skipped: []string{"hr"}, Pending: []string{"slack"},
		Consent: session.Consent{
			SelectedTools: []string{"crm:*", "notes:add"}, Version: session.ConsentVersion,
			Shown: map[string][]string{"crm": {"read", "write"}, "hr": {"read"}},
		},
		AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(90 * day),
	}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func (i *instance) open(t testing.TB, d session.Draft) session.Session {
	t.Helper()
	var ses session.Session
	must(t, i.db.Change(t.Context(), "open", func(tx *store.Tx) (err error) {
		ses, err = i.sessions.Open(t.Context(), tx, d)
		return err
	}))
	return ses
}

func (i *instance) mint(t testing.TB, id ostiary.SessionID, n session.Narrowing) session.Token {
	t.Helper()
	var token session.Token
	must(t, i.db.Change(t.Context(), "mint", func(tx *store.Tx) error {
		ses, err := i.sessions.Living(t.Context(), tx, id)
		if err == nil {
			token, err = i.sessions.Mint(t.Context(), tx, ses, n)
		}
		return err
	}))
	return token
}

// agent is alice's, with a token.
func (h *house) agent(t testing.TB, edits ...func(*session.Draft)) (session.Session, ostiary.Secret) {
	t.Helper()
	if _, err := h.users.Get(t.Context(), "alice"); errors.Is(err, identity.ErrUserNotFound) {
		h.person(t, "alice", claims)
	}
	ses := h.open(t, h.draft(edits...))
	return ses, h.mint(t, ses.ID, session.Narrowing{}).Secret
}

func (i *instance) bearer(t testing.TB, secret ostiary.Secret) (*ostiary.Principal, error) {
	t.Helper()
	return i.resolver.Bearer(t.Context(), secret.Reveal(), netip.MustParseAddr("192.0.2.7"))
}

func (i *instance) good(t testing.TB, secret ostiary.Secret) *ostiary.Principal {
	t.Helper()
	p, err := i.bearer(t, secret)
	if err != nil {
		t.Fatalf("got %v; want a principal", err)
	}
	return p
}

func (i *instance) invalid(t testing.TB, secret ostiary.Secret) {
	t.Helper()
	if p, err := i.bearer(t, secret); !errors.Is(err, identity.ErrInvalidToken) || p != nil {
		t.Errorf("got %v, %v; want %v", p, err, identity.ErrInvalidToken)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v; want %v", got, want)
	}
}

// wantEvent wants an entry of the log.
func (h *house) wantEvent(t testing.TB, kind audit.Kind, event string, target ostiary.SessionID) {
	t.Helper()
	var all []string
	for raw, err := range h.raw.Entries(t.Context(), bookName, 0) {
		var e audit.Entry
		must(t, errors.Join(err, json.Unmarshal(raw.Line, &e)))
		all = append(all, string(e.Kind)+" "+e.Event+" "+e.Target)
	}
	if want := string(kind) + " " + event + " " + string(target); !slices.Contains(all, want) {
		t.Errorf("got entries %q; want %q", all, want)
	}
}

// A flaky store answers reads with an error while it has one.
type flaky struct {
	store.Store
	reads error
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

var errDown = errors.New("storage is down")
