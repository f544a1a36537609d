package pending_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { testparts.Main(m) }

type book struct{ name string }

func (b book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: b.name, Line: func(uint64) ([]byte, error) { return line, err }})
}

type approvals struct{}

func (approvals) EndSession(context.Context, *store.Tx, ostiary.SessionID) error { return nil }

type instance struct {
	*pending.Requests
	grants   *grants.Grants
	sessions *session.Sessions
	users    *identity.Users
}

type conf struct {
	users  []identity.User
	admins identity.Admins
}

type house struct {
	*instance
	t     testing.TB
	raw   store.Store
	clock *storetest.Clock
	ring  *store.Keyring
	conf  conf
}

const (
	day     = 24 * time.Hour
	browser = ostiary.Secret("browser-1")
)

var (
	start    = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	verifier = strings.Repeat("verifier-", 5)
)

func newHouse(t testing.TB, edits ...func(*conf)) *house {
	t.Helper()
	c := storetest.ClockAt(start)
	return houseOver(t, c, memory.Open(c), edits...)
}

func houseOver(t testing.TB, c *storetest.Clock, raw store.Store, edits ...func(*conf)) *house {
	t.Helper()
	h := &house{t: t, raw: raw, clock: c, ring: store.NewKeyring(c)}
	h.conf.users = []identity.User{
		{ID: "alice", Claims: identity.Claims{"tenant": "acme", "sites": []any{"site-A"}}}, {ID: "bob"},
	}
	for _, edit := range edits {
		edit(&h.conf)
	}
	h.instance = h.over(raw)
	return h
}

func (h *house) over(raw store.Store) *instance {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), raw, h.ring, h.clock)
	h.must(err)
	name, release, err := raw.Claim(h.t.Context(), "test")
	h.must(err)
	h.t.Cleanup(release)
	log, epochs := book{name}, store.NewEpochs(db)
	i := &instance{users: identity.NewUsers(db, epochs, log, h.conf.users, identity.DefaultClaimPaths())}
	i.sessions = session.New(db, epochs, log, i.users, approvals{}, session.Config{AccessTTL: time.Hour, Retention: day})
	i.grants = grants.New(db, log, i.users, i.sessions, nil, grants.Config{
		CodeTTL: time.Minute, RefreshTTL: day, Admins: h.conf.admins, Resource: func(string) (string, bool) { return "", false },
	})
	i.Requests = pending.New(db, log, i.users, i.sessions, i.grants, pending.Config{GrantDefault: 90 * day, GrantMax: 365 * day, Admins: h.conf.admins})
	return i
}

// everywhere runs a test with two instances on the drivers that gateways share.
func everywhere(t *testing.T, test func(t *testing.T, h *house, other *instance)) {
	c := storetest.ClockAt(start)
	path := filepath.Join(t.TempDir(), "o.db")
	for name, open := range map[string]func(t *testing.T) func() (store.Store, error){
		"sqlite": func(t *testing.T) func() (store.Store, error) {
			return func() (store.Store, error) { return sqlite.Open(t.Context(), path, sqlite.Options{Clock: c}) }
		},
		"postgres": func(t *testing.T) func() (store.Store, error) {
			url := testparts.Postgres(t)
			return func() (store.Store, error) { return postgres.Open(t.Context(), url, postgres.Options{Clock: c}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			handle := open(t)
			driver := func() store.Store {
				raw, err := handle()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { raw.Close() })
				return raw
			}
			h := houseOver(t, c, driver())
			test(t, h, h.over(driver()))
		})
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func asked(edits ...func(*pending.Asked)) pending.Asked {
	sum := sha256.Sum256([]byte(verifier))
	a := pending.Asked{
		Client:   session.Client{ID: "agent", Name: "Agent", Kind: "agent", Ceiling: []string{session.AnyScope}},
		Redirect: "http://127.0.0.1:3000/callback?x=1", State: "st&te=%20", Challenge: base64.RawURLEncoding.EncodeToString(sum[:]),
		Resources: []string{"/mcp"}, Scopes: []string{session.AnyScope},
	}
	for _, edit := range edits {
		edit(&a)
	}
	return a
}

// shop is what the page shows.
func shop() []pending.App {
	return []pending.App{
		{ID: "crm", Skippable: true, Tools: []pending.Tool{{ID: "crm:get", Category: "read"}, {ID: "crm:put", Category: "write"}, {ID: "crm:list", Category: "read"}}},
		{ID: "notes", Skippable: true, Tools: []pending.Tool{{ID: "notes:add", Category: "write"}, {ID: "notes:remove", Category: "delete"}}},
		{ID: "hr", Tools: []pending.Tool{{ID: "hr:fire", Category: "admin"}}},
	}
}

func visit(id string) pending.Visit {
	return pending.Visit{ID: id, Browser: browser, Subject: "alice"}
}

// shown is a request that alice has before her.
func (h *house) shown(edits ...func(*pending.Asked)) pending.Visit {
	h.t.Helper()
	r, err := h.Begin(h.t.Context(), asked(edits...), browser)
	h.must(err)
	v := visit(r.ID)
	_, err = h.Bind(h.t.Context(), v, h.clock.Now())
	h.must(err)
	_, err = h.Show(h.t.Context(), v, shop())
	h.must(err)
	return v
}

// agent redeems codes.
func agent(t testing.TB) *client.Client {
	c, err := client.NewStatic(client.Client{ID: "agent", Kind: client.Agent, Scopes: []string{session.AnyScope}, Redirects: client.Redirects{Loopback: true}}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// session redeems the code of an outcome.
func (h *house) session(out pending.Outcome) session.Session {
	h.t.Helper()
	tokens, err := h.grants.Token(h.t.Context(), agent(h.t), grants.Request{
		GrantType: client.GrantCode, Code: out.Code.Reveal(), RedirectURI: out.Redirect, Verifier: verifier,
	})
	h.must(err)
	s, err := h.sessions.Find(h.t.Context(), tokens.Session)
	h.must(err)
	return s
}

// given is the session that a decision comes to.
func (h *house) given(v pending.Visit, d pending.Decision) session.Session {
	h.t.Helper()
	d.Allow = true
	out, err := h.Decide(h.t.Context(), v, d)
	h.must(err)
	return h.session(out)
}

func (h *house) rows(kind store.Kind) int {
	h.t.Helper()
	page, err := h.raw.List(h.t.Context(), store.Query{Kind: kind})
	h.must(err)
	return len(page.Records)
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v; want %v", got, want)
	}
}
