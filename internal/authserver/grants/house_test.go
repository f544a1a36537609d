package grants_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { testparts.Main(m) }

// A book is the log of an instance.
type book struct{ name string }

func (b book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: b.name, Line: func(uint64) ([]byte, error) { return line, err }})
}

// approvals end with their session; there are none.
type approvals struct{}

func (approvals) EndSession(context.Context, *store.Tx, ostiary.SessionID) error { return nil }

// An instance is one gateway's grants over a storage that it may share.
type instance struct {
	*grants.Grants
	raw      store.Store
	db       *store.DB
	epochs   *store.Epochs
	users    *identity.Users
	sessions *session.Sessions
	resolver *identity.Resolver
}

type conf struct {
	users  []identity.User
	grace  time.Duration
	admins identity.Admins
	owned  []ostiary.Site // whose every client is; nil: none is owned
}

type house struct {
	*instance
	clock *storetest.Clock
	ring  *store.Keyring
	conf  conf
}

const (
	day    = 24 * time.Hour
	grace  = time.Minute
	issuer = "https://gate.example"
)

var (
	by       = audit.Actor{Subject: "root"}
	verifier = strings.Repeat("verifier-", 5)
	here     = netip.MustParseAddr("192.0.2.7")
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func newHouse(t testing.TB, edits ...func(*conf)) *house {
	t.Helper()
	c := storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
	return houseOver(t, c, memory.Open(c), edits...)
}

func houseOver(t testing.TB, c *storetest.Clock, raw store.Store, edits ...func(*conf)) *house {
	t.Helper()
	h := &house{clock: c, ring: store.NewKeyring(c), conf: conf{grace: grace}}
	h.conf.users = []identity.User{
		{ID: "alice", Claims: identity.Claims{"tenant": "acme", "sites": []any{"site-A"}, "roles": []any{"manager"}}},
		{ID: "nightly", Machine: true, Scopes: []string{"mcp:write"}, Claims: identity.Claims{"tenant": "acme"}},
	}
	for _, edit := range edits {
		edit(&h.conf)
	}
	h.instance = h.over(t, raw)
	return h
}

func (h *house) over(t testing.TB, raw store.Store) *instance {
	t.Helper()
	db, err := store.Open(t.Context(), raw, h.ring, h.clock)
	must(t, err)
	name, release, err := raw.Claim(t.Context(), "test")
	must(t, err)
	t.Cleanup(release)
	i := &instance{raw: raw, db: db, epochs: store.NewEpochs(db)}
	log := book{name}
	i.users = identity.NewUsers(db, i.epochs, log, h.conf.users, identity.DefaultClaimPaths())
	i.sessions = session.New(db, i.epochs, log, i.users, approvals{}, session.Config{
		AccessTTL: time.Hour, Retention: 90 * day, MachineApps: func() []string { return []string{"crm"} },
		Owner: func(ostiary.ClientID) (session.Owner, bool) {
			return session.Owner{Sites: h.conf.owned}, h.conf.owned != nil
		},
	})
	tokens := identity.NewTokens(db, i.epochs, log, i.users, approvals{}, identity.PersonalConfig{})
	i.resolver = identity.NewResolver(tokens, h.conf.admins, nil)
	i.resolver.Accept(identity.KindAccess, i.sessions)
	i.Grants = grants.New(db, log, i.users, i.sessions, i.resolver, grants.Config{
		CodeTTL: time.Minute, RefreshTTL: 30 * day, RefreshGrace: h.conf.grace, Admins: h.conf.admins, PublicURL: issuer,
		Resource: func(indicator string) (string, bool) {
			path, ok := strings.CutPrefix(indicator, issuer)
			return path, ok && (path == "/mcp" || path == "/crm/mcp")
		},
		DefaultResource: "/mcp",
	})
	return i
}

// pair is two instances on one storage, each with a handle of its own.
type pair func(t *testing.T) (*house, *instance)

// everywhere runs a test on the drivers that gateways share.
func everywhere(t *testing.T, test func(t *testing.T, h *house, other *instance)) {
	for name, open := range map[string]pair{
		"sqlite": func(t *testing.T) (*house, *instance) {
			path := filepath.Join(t.TempDir(), "o.db")
			return two(t, func(c *storetest.Clock) (store.Store, error) {
				return sqlite.Open(t.Context(), path, sqlite.Options{Clock: c})
			})
		},
		"postgres": func(t *testing.T) (*house, *instance) {
			url := testparts.Postgres(t)
			return two(t, func(c *storetest.Clock) (store.Store, error) {
				return postgres.Open(t.Context(), url, postgres.Options{Clock: c})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, other := open(t)
			test(t, h, other)
		})
	}
}

func two(t *testing.T, open func(*storetest.Clock) (store.Store, error)) (*house, *instance) {
	t.Helper()
	c := storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
	handle := func() store.Store {
		raw, err := open(c)
		must(t, err)
		t.Cleanup(func() { raw.Close() })
		return raw
	}
	h := houseOver(t, c, handle())
	return h, h.over(t, handle())
}

func static(t testing.TB, id string, kind client.Kind, secret ostiary.Secret, scopes ...string) *client.Client {
	t.Helper()
	c, err := client.NewStatic(client.Client{
		ID: ostiary.ClientID(id), Name: "The " + id, Kind: kind, Scopes: scopes,
		Redirects: client.Redirects{URIs: redirectsOf(kind)},
	}, secret, "")
	must(t, err)
	return &c
}

func redirectsOf(k client.Kind) []string {
	if k == client.Machine || k == client.Introspector {
		return nil
	}
	return []string{redirect}
}

const redirect = "https://agent.example/callback"

func agent(t testing.TB) *client.Client {
	return static(t, "agent", client.Agent, "", session.AnyScope)
}

func (h *house) consented(edits ...func(*grants.Consented)) grants.Consented {
	c := grants.Consented{
		Redirect: redirect, Challenge: challenge(verifier),
		Draft: session.Draft{
			Subject: "alice", Client: session.Client{ID: "agent", Name: "The agent", Kind: "agent", Ceiling: []string{session.AnyScope}},
			Resources: []string{"/mcp"}, Tier: "write", Sites: ostiary.Selection{All: true}, Authorized: []string{"crm"}, Pending: []string{"slack"},
			Skipped: []string{"hr"}, AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(90 * day),
		},
	}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func (i *instance) issue(t testing.TB, c grants.Consented) ostiary.Secret {
	t.Helper()
	var code ostiary.Secret
	must(t, i.db.Change(t.Context(), "issue", func(tx *store.Tx) (err error) {
		code, err = i.Issue(t.Context(), tx, c)
		return err
	}))
	return code
}

func codeRequest(code ostiary.Secret) grants.Request {
	return grants.Request{GrantType: client.GrantCode, Code: code.Reveal(), RedirectURI: redirect, Verifier: verifier}
}

func refreshRequest(token ostiary.Secret) grants.Request {
	return grants.Request{GrantType: client.GrantRefresh, RefreshToken: token.Reveal()}
}

// connect is alice's agent with its first tokens.
func (h *house) connect(t testing.TB, edits ...func(*grants.Consented)) grants.Tokens {
	t.Helper()
	tokens, err := h.Token(t.Context(), agent(t), codeRequest(h.issue(t, h.consented(edits...))))
	must(t, err)
	return tokens
}

func (i *instance) refresh(t testing.TB, token ostiary.Secret) grants.Tokens {
	t.Helper()
	tokens, err := i.Token(t.Context(), agent(t), refreshRequest(token))
	must(t, err)
	return tokens
}

func (i *instance) bearer(t testing.TB, token ostiary.Secret) (*ostiary.Principal, error) {
	t.Helper()
	return i.resolver.Bearer(t.Context(), token.Reveal(), here)
}

func (i *instance) good(t testing.TB, token ostiary.Secret) *ostiary.Principal {
	t.Helper()
	p, err := i.bearer(t, token)
	if err != nil {
		t.Errorf("got %v; want the token to be good", err)
		return &ostiary.Principal{}
	}
	return p
}

// over wants a session to be over, and its tokens refused where nothing is
// remembered.
func (h *house) isOver(t testing.TB, tokens grants.Tokens) {
	t.Helper()
	s, err := h.sessions.Find(t.Context(), tokens.Session)
	if err != nil || s.Revoked == nil {
		t.Errorf("got %+v, %v; want the session to have ended", s, err)
	}
	if _, err := h.resolver.Now(t.Context(), tokens.Access.Reveal()); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("got %v; want the access token refused", err)
	}
	_, err = h.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
	wantCode(t, err, grants.CodeInvalidGrant)
}

// events are those of all logs that tell of a target.
func (h *house) events(t testing.TB, target ostiary.SessionID) []string {
	t.Helper()
	logs, err := h.raw.Logs(t.Context())
	must(t, err)
	var out []string
	for name := range logs {
		for raw, err := range h.raw.Entries(t.Context(), name, 0) {
			var e audit.Entry
			must(t, errors.Join(err, json.Unmarshal(raw.Line, &e)))
			if e.Target == string(target) {
				out = append(out, string(e.Kind)+" "+e.Event)
			}
		}
	}
	return out
}

// rows counts what is kept of a kind.
func (h *house) rows(t testing.TB, kind store.Kind) int {
	t.Helper()
	page, err := h.raw.List(t.Context(), store.Query{Kind: kind, Limit: 1000})
	must(t, err)
	return len(page.Records)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode wants a refusal with a code; "": none.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var refusal *grants.Error
	if code == "" && err == nil || errors.As(err, &refusal) && refusal.Code == code {
		return
	}
	t.Errorf("got %v; want %q", err, code)
}
