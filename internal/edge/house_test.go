package edge_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/argon2"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/internal/gateway"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }

// A house is a whole Ostiary but for upstreams and MCP, over memory.
type house struct {
	t         *testing.T
	clock     *storetest.Clock
	raw       *faulty
	db        *store.DB
	epochs    *store.Epochs
	log       *audit.Log
	users     *identity.Users
	tokens    *identity.Tokens
	operators *identity.Operators
	sessions  *identity.Browsers
	resolver  *identity.Resolver
	approvals *approval.Service
	agents    *session.Sessions
	clients   *client.Registry
	documents documents
	grants    *grants.Grants
	guard     *guard.Guard
	rules     *policy.Rules
	lists     *lists
	catalogue *catalogue.Catalogue
	stopping  chan struct{}
	site      visit.Site
	edge      *edge.Edge
	server    *httptest.Server
}

// faulty is storage that can be made to fail.
type faulty struct {
	store.Store
	fault   atomic.Pointer[error]
	commits atomic.Pointer[error] // of commits alone
}

// failCommits makes storage take no writes from now on; nil heals it.
func (f *faulty) failCommits(err error) {
	if err == nil {
		f.commits.Store(nil)
		return
	}
	f.commits.Store(&err)
}

// fail makes storage fail from now on; nil heals it.
func (f *faulty) fail(err error) {
	if err == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&err)
}

func (f *faulty) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if err := f.fault.Load(); err != nil {
		return store.Record{}, *err
	}
	return f.Store.Get(ctx, k)
}

func (f *faulty) List(ctx context.Context, q store.Query) (store.Page, error) {
	if err := f.fault.Load(); err != nil {
		return store.Page{}, *err
	}
	return f.Store.List(ctx, q)
}

func (f *faulty) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if err := f.fault.Load(); err != nil {
		return store.Receipt{}, *err
	}
	if err := f.commits.Load(); err != nil {
		return store.Receipt{}, *err
	}
	return f.Store.Commit(ctx, tx)
}

// lists are what the apps offer.
type lists map[string][]string

func (l lists) Lists(app string) (upstream.Lists, upstream.State) {
	var out upstream.Lists
	for _, name := range l[app] {
		raw := fmt.Sprintf(`{"name":%q,"description":"version 1","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}}`, name)
		out.Tools = append(out.Tools, upstream.Item{Name: name, Raw: []byte(raw)})
	}
	return out, upstream.State{Listed: true}
}

// password is a person's password in these tests.
func password(id string) string { return "password of " + id }

// cheap hashes a password at the least cost.
func cheap(id string) string {
	b64 := base64.RawStdEncoding.EncodeToString
	salt := []byte("0123456789abcdef")
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", b64(salt), b64(argon2.IDKey([]byte(password(id)), salt, 1, 8, 1, 32)))
}

func person(id string, admin bool, claims identity.Claims) identity.User {
	return identity.User{ID: ostiary.Subject(id), PasswordHash: cheap(id), Admin: admin, Claims: claims}
}

func people() []identity.User {
	claims := func(tenant string, roles ...any) identity.Claims {
		return identity.Claims{"tenant": tenant, "roles": roles, "sites": []any{"site-A"}}
	}
	return []identity.User{
		person("alice", false, claims("acme")),
		person("bob", false, claims("acme", "manager")),
		person("carol", false, claims("acme", "manager")),
		person("root", true, claims("acme")),
		person("eve", false, claims("evil", "manager")),
		person("mallory", true, claims("evil")),
		person("boss", true, nil),
	}
}

func ruleEntries() []policy.Entry {
	read := ostiary.CategoryRead
	all := []string{"once", "session", "user", "time_limited"}
	return []policy.Entry{
		{Match: "crm:get_*", Category: &read},
		{Match: "crm:delete_*", Source: "tools[1]", Approval: &policy.Approval{
			Required: true, DefaultScope: "once", Scopes: []string{"once", "session", "time_limited"}, MaxTTL: time.Hour, Risk: policy.RiskHigh,
			Message: "Delete {{id}}?", Approvers: policy.Approvers{Roles: []string{"manager"}},
		}},
		{Match: "crm:update_*", Approval: &policy.Approval{
			Required: true, DefaultScope: "session", Scopes: all, MaxTTL: time.Hour, Risk: policy.RiskLow,
		}},
		{Match: "crm:merge_*", Approval: &policy.Approval{
			Required: true, DefaultScope: "once", Scopes: all, MaxTTL: time.Hour, Approvers: policy.Approvers{Roles: []string{"manager"}, Min: 2, AllowSelf: true},
		}},
		{Match: "crm:secret_*", Roles: &policy.Roles{Names: []string{"manager"}}},
	}
}

const (
	reauth = 5 * time.Minute
	idle   = 30 * time.Minute
)

// An option changes the house before it is built.
type option func(h *house, w *web.Config, a *api.Config, e *edge.Config)

func open(t *testing.T, options ...option) *house {
	t.Helper()
	h := &house{t: t, clock: storetest.NewClock(), stopping: make(chan struct{})}
	h.openDomain()
	h.openCatalogue()
	h.server = httptest.NewUnstartedServer(nil)
	h.site = visit.Site{URL: &url.URL{Scheme: "http", Host: h.server.Listener.Addr().String()}, Loopback: true}
	h.openEdge(options)
	h.server.Config.Handler = h.edge
	h.server.Start()
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() { defer close(watched); h.db.Watch(ctx) }()
	t.Cleanup(func() {
		close(h.stopping)
		h.server.Close()
		cancel()
		<-watched
		h.raw.fail(nil)
		h.must(h.log.Close(context.Background()))
		h.must(h.db.Close())
	})
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) openDomain() {
	h.t.Helper()
	var err error
	h.raw = &faulty{Store: memory.Open(h.clock)}
	h.db, err = store.Open(h.t.Context(), h.raw, store.NewKeyring(h.clock), h.clock)
	h.must(err)
	h.log, err = audit.Open(h.t.Context(), h.db, audit.Options{})
	h.must(err)
	h.epochs = store.NewEpochs(h.db)
	h.approvals = approval.New(h.db, h.epochs, h.log, approval.Config{RequestTTL: 15 * time.Minute, MaxPending: 1000, Retention: 24 * time.Hour})
	h.users = identity.NewUsers(h.db, h.epochs, h.log, people(), identity.DefaultClaimPaths())
	h.tokens = identity.NewTokens(h.db, h.epochs, h.log, h.users, h.approvals, personal)
	h.operators = identity.NewOperators(h.db, h.log, h.users, 12*time.Hour)
	h.sessions = identity.NewBrowsers(h.db, h.log, h.users, identity.BrowserConfig{Idle: idle, Max: 12 * time.Hour})
	h.agents = session.New(h.db, h.epochs, h.log, h.users, h.approvals, session.Config{AccessTTL: time.Hour, Retention: 24 * time.Hour})
	h.resolver = identity.NewResolver(h.tokens, identity.AdminsStrip, nil)
	h.resolver.Accept(identity.KindAccess, h.agents)
	h.rules, err = policy.Compile(policy.Config{Entries: ruleEntries()})
	h.must(err)
	h.guard = guard.New(guard.Config{
		Gates: gate.Order(gate.Config{Rules: h.rules, Approvals: h.approvals, Counters: h.db}),
		DB:    h.db, Epochs: h.epochs, Approvals: h.approvals, Log: h.log,
		Category: func(t *ostiary.Tool) ostiary.Category { return h.rules.Of(t).Category },
	})
}

var personal = identity.PersonalConfig{DefaultTTL: 720 * time.Hour, MaxTTL: 8760 * time.Hour}

func apps() []catalogue.App {
	return []catalogue.App{{ID: "crm", Name: "CRM"}, {ID: "notes", Standalone: true, Pin: true}}
}

func (h *house) openCatalogue() {
	h.t.Helper()
	h.lists = &lists{"crm": {"get_contact", "delete_contact", "update_contact", "merge_contacts", "secret_report"}, "notes": {"add_note"}}
	h.catalogue = catalogue.New(catalogue.Config{
		Apps: apps(), Source: h.lists, Accepted: catalogue.NewAccepted(h.db, h.epochs, h.log), Separator: "__", Logger: quiet(),
	})
	h.must(h.catalogue.Refresh(h.t.Context()))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (h *house) openEdge(options []option) {
	browsers := visit.NewBrowsers(h.sessions, h.users, h.db.DeriveKey("form tokens"), false, 12*time.Hour)
	e := edge.Config{
		Site: h.site, Name: "Acme", DB: h.db, Logger: quiet(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		MCP:        http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "mcp %s", r.PathValue("app")) }),
		Standalone: func(app string) bool { return app == "notes" },
	}
	h.openAuthServer(&e)
	w := web.Config{
		Instance: "Acme", DB: h.db, Browsers: browsers, Sessions: h.sessions, Users: h.users, Tokens: h.tokens, Operators: h.operators, AgentSessions: h.agents,
		Resolver: h.resolver, Approvals: h.approvals, Guard: h.guard, Catalogue: h.catalogue, Logger: quiet(),
		Reauth: reauth, Personal: personal, OperatorTTL: 12 * time.Hour, LoginFailures: limit.Rate{Count: 10, Per: time.Minute}, Stopping: h.stopping,
		AuthServer: h.openConsent(&e), Registry: h.clients, Audit: h.log.Reader, Ends: h.core(),
	}
	a := api.Config{
		DB: h.db, Browsers: browsers, Users: h.users, Tokens: h.tokens, Operators: h.operators, Sessions: h.agents, Clients: h.clients,
		Resolver: h.resolver, Approvals: h.approvals, Audit: h.log.Reader, Guard: h.guard, Rules: h.rules, Catalogue: h.catalogue, Ends: h.core(), Logger: quiet(),
		Reauth: reauth, MaxBody: 1 << 20, Leaks: limit.Rate{Count: 20, Per: time.Minute},
	}
	for _, o := range options {
		o(h, &w, &a, &e)
	}
	e.Web, e.API = web.New(w), api.New(a)
	h.edge = edge.New(e)
}

// core is what ends everything of somebody.
func (h *house) core() *gateway.Core {
	return &gateway.Core{
		DB: h.db, Epochs: h.epochs, Log: h.log, Users: h.users, Tokens: h.tokens, Operators: h.operators, Browsers: h.sessions, Approvals: h.approvals,
		Sessions: h.agents, Clients: h.clients,
	}
}

// token makes a personal token for a person and returns it with its session.
func (h *house) token(owner string) (identity.Personal, string) {
	h.t.Helper()
	user, err := h.users.Get(h.t.Context(), ostiary.Subject(owner))
	h.must(err)
	all := ostiary.Selection{All: true}
	t, secret, err := h.tokens.Create(h.t.Context(), user, identity.PersonalSpec{
		Name: ostiary.NewID("name"), Tier: ostiary.TierAdmin, Apps: all, Tools: all, Sites: all,
	}, audit.Actor{Subject: user.ID})
	h.must(err)
	return t, secret.Reveal()
}

// ask makes a call for a person, which waits for a yes, and returns the
// request.
func (h *house) ask(subject string, tool ostiary.ToolID, arguments string) approval.Request {
	h.t.Helper()
	_, secret := h.token(subject)
	return h.askWith(secret, tool, arguments)
}

func (h *house) askWith(secret string, tool ostiary.ToolID, arguments string) approval.Request {
	h.t.Helper()
	a := h.call(secret, tool, arguments)
	if a.Waiting == nil {
		h.t.Fatalf("%s: got %s %s, want a call that waits", tool, a.Decision.Effect, a.Decision.Reason)
	}
	return *a.Waiting
}

func (h *house) call(secret string, tool ostiary.ToolID, arguments string) guard.Answer {
	h.t.Helper()
	return h.guard.Admit(h.t.Context(), guard.Request{
		Identify: func(ctx context.Context) (*ostiary.Principal, error) {
			p, err := h.resolver.Bearer(ctx, secret, here)
			if errors.Is(err, identity.ErrInvalidToken) {
				return nil, nil
			}
			return p, err
		},
		Tool: h.catalogue.Now().ByID(tool).Tool, Resource: "/mcp",
		Arguments: ostiary.Arguments{Raw: []byte(arguments), Lookup: wire.Lookup},
	})
}

// works says whether a personal token is good for a call now.
func (h *house) works(secret string) bool {
	h.t.Helper()
	a := h.call(secret, "crm:get_contact", `{}`)
	if a.Pass != nil {
		a.Pass.Done(h.t.Context(), audit.StatusOK, 0)
	}
	return a.Pass != nil
}

// operator makes an operator token; without rights it gets all that its
// person has.
func (h *house) operator(owner string, rights ...identity.Right) program {
	h.t.Helper()
	user, err := h.users.Get(h.t.Context(), ostiary.Subject(owner))
	h.must(err)
	if rights == nil {
		rights = user.Rights()
	}
	_, secret, err := h.operators.Create(h.t.Context(), user, h.clock.Now(), reauth, "test", rights, 0)
	h.must(err)
	return program{h, secret.Reveal()}
}

// wantEvents checks that the newest entries of the log, calls aside, tell of these events,
// in their order.
func (h *house) wantEvents(want ...string) {
	h.t.Helper()
	entries, _, err := h.log.Search(h.t.Context(), audit.Query{Limit: len(want) + 20})
	h.must(err)
	// Calls are written down when there is time for it.
	entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Kind == audit.KindIntent || e.Kind == audit.KindOutcome })
	var got []string
	for _, e := range slices.Backward(entries[:min(len(want), len(entries))]) {
		got = append(got, e.Event)
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("audit log: got %q, want %q", got, want)
	}
}
