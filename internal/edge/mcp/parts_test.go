package mcp_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A hand clock stands still until it is moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A book is the audit log of a test.
type book struct {
	t       testing.TB
	mu      sync.Mutex
	entries []audit.Entry
}

func (b *book) Append(tx *store.Tx, e audit.Entry) {
	tx.Append(store.Append{Log: "test", Line: func(uint64) ([]byte, error) {
		b.Background(e)
		return []byte("{}"), nil
	}})
}

func (b *book) Background(e audit.Entry) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries = append(b.entries, e)
	return true
}

// outcomes are how the calls ended, in order.
func (b *book) outcomes() []audit.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []audit.Status
	for _, e := range b.entries {
		if e.Kind == audit.KindOutcome {
			all = append(all, e.Upstream.Status)
		}
	}
	return all
}

// wallet knows tokens.
type wallet struct {
	mu     sync.Mutex
	tokens map[string]*ostiary.Principal
	public *ostiary.Principal
	fault  error
	// elsewhere are the good tokens that came to a wrong endpoint.
	elsewhere []string
}

// A view is the wallet as one instance sees it.
type view struct {
	*wallet
	epochs *store.Epochs
	last   *sync.Map // what was built from a principal, good until an epoch moves
}

func (w view) Bearer(ctx context.Context, token string, _ netip.Addr) (*ostiary.Principal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	p := w.tokens[token]
	if p == nil {
		return nil, identity.ErrInvalidToken
	}
	at, err := w.epochs.Of(ctx, store.EpochsOf(p))
	if last, ok := w.last.Load(p); ok && err == nil && last.(*ostiary.Principal).Epochs == at {
		return last.(*ostiary.Principal), nil
	}
	now, err := w.at(ctx, p)
	w.last.Store(p, now)
	return now, err
}

func (w view) at(ctx context.Context, p *ostiary.Principal) (*ostiary.Principal, error) {
	now := *p
	var err error
	now.Epochs, err = w.epochs.Of(ctx, store.EpochsOf(&now))
	return &now, err
}

func (w view) Elsewhere(_ context.Context, token string, _ netip.Addr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.elsewhere = append(w.elsewhere, token)
	return nil
}

func (w view) Anonymous(ctx context.Context) (*ostiary.Principal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.public == nil {
		return nil, nil
	}
	return w.at(ctx, w.public)
}

func (w *wallet) revoke(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, token)
}

// upstreams are the apps of a test: lists that are what the test says, and
// calls that are remembered.
type upstreams struct {
	mu       sync.Mutex
	lists    map[string]upstream.Lists
	calls    []sent
	asked    upstream.Asks   // what was declared with the last
	tasks    bool            // they have tasks of their own
	takes    bool            // a task was taken of the last
	passer   upstream.Passer // of the last
	era      string
	watching map[*fakeWatch]bool
	watched  []string // every watch that was begun: app, subject, URI
	agree    func(w *fakeWatch) error
	answer   func(ctx context.Context, s sent, notify func([]byte)) (upstream.Reply, error)
}

// sent is a call as an upstream got it.
type sent struct {
	App, Method, Params string
	Who                 upstream.Caller
	LogLevel            upstream.LogLevel
}

func (u *upstreams) Lists(app string) (upstream.Lists, upstream.State) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.lists[app], upstream.State{Listed: true}
}

func (u *upstreams) Call(ctx context.Context, app string, who upstream.Caller, req upstream.Request) (upstream.Reply, error) {
	s := sent{app, req.Method, string(req.Params), who, req.LogLevel}
	u.mu.Lock()
	u.asked, u.takes, u.passer = req.Asks, req.Tasks, req.Pass
	u.calls = append(u.calls, s)
	answer := u.answer
	u.mu.Unlock()
	if answer != nil {
		return answer(ctx, s, req.Notify)
	}
	result := []byte(`{"content":[{"type":"text","text":"done"}],"huge":12345678901234567890}`)
	return upstream.Reply{Result: result, Era: wire.Version20251125, Bytes: int64(len(result))}, nil
}

// A fakeWatch is a watch as an upstream got it.
type fakeWatch struct {
	upstream.Watch
	App string
	Who upstream.Caller
	of  *upstreams
}

func (w *fakeWatch) Ready(ctx context.Context) error {
	w.of.mu.Lock()
	agree := w.of.agree
	w.of.mu.Unlock()
	if agree == nil {
		return ctx.Err()
	}
	return agree(w)
}

func (w *fakeWatch) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.watching, w)
}

func (u *upstreams) Watch(app string, who upstream.Caller, of upstream.Watch) upstream.Watching {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := &fakeWatch{of, app, who, u}
	if u.watching == nil {
		u.watching = map[*fakeWatch]bool{}
	}
	u.watching[w] = true
	u.watched = append(u.watched, app+" "+string(who.Subject)+" "+of.URI)
	return w
}

// update tells all who watch a resource of a person that a part of it changed.
func (u *upstreams) update(who ostiary.Subject, uri, part string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for w := range u.watching {
		if w.Who.Subject == who && w.URI == uri {
			w.Updated(part)
		}
	}
}

// heardOf are the resources that are watched now, for whom.
func (u *upstreams) heardOf() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []string
	for w := range u.watching {
		all = append(all, string(w.Who.Subject)+" "+w.URI)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (u *upstreams) answers(f func(ctx context.Context, s sent, notify func([]byte)) (upstream.Reply, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = f
}

func (u *upstreams) Tasks(string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tasks
}

func (u *upstreams) got() []sent {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]sent(nil), u.calls...)
}

func (u *upstreams) asks() upstream.Asks {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked
}

func items(raw ...string) []upstream.Item {
	var all []upstream.Item
	for _, r := range raw {
		name, _ := wire.LookupText([]byte(r), "name")
		for _, key := range []string{"uri", "uriTemplate"} {
			if uri, ok := wire.LookupText([]byte(r), key); ok {
				name = uri
			}
		}
		all = append(all, upstream.Item{Name: name, Raw: []byte(r)})
	}
	return all
}

func crmLists() upstream.Lists {
	return upstream.Lists{
		Tools: items(
			`{"name":"get_contact","description":"Reads  one","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}},"x-new":18446744073709551615}`,
			`{"name":"delete_contact","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}}`,
			`{"name":"move_contact","inputSchema":{"type":"object","properties":{"siteId":{"type":"string"},"id":{"type":"string"}}}}`,
			`{"name":"payroll","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}}`,
			`{"name":"export","inputSchema":{"type":"object"}}`,
			`{"name":"erase_all","inputSchema":{"type":"object"}}`,
		),
		Resources: items(`{"uri":"crm://contacts","name":"contacts"}`),
		Templates: items(`{"uriTemplate":"crm://contacts/{id}","name":"contact"}`),
		Prompts:   items(`{"name":"greet","arguments":[{"name":"who"}]}`, `{"name":"secret"}`),
	}
}

// A house is a gateway's door over fake upstreams, with everything behind it
// real.
type house struct {
	clock     *handClock
	raw       store.Store
	ring      *store.Keyring
	rules     *policy.Rules
	book      *book
	upstreams *upstreams
	wallet    *wallet
	fleet     *upstream.Fleet // nil: upstreams
	*instance
}

// A curtain hides what a source has, while it is drawn.
type curtain struct {
	catalogue.Source
	drawn atomic.Bool
}

func (c *curtain) toggle() { c.drawn.Store(!c.drawn.Load()) }

func (c *curtain) Lists(app string) (upstream.Lists, upstream.State) {
	if c.drawn.Load() {
		return upstream.Lists{}, upstream.State{Listed: true}
	}
	return c.Source.Lists(app)
}

// An instance is one gateway; several may share a storage.
type instance struct {
	db        *store.DB
	epochs    *store.Epochs
	approvals *approval.Service
	source    *curtain
	catalogue *catalogue.Catalogue
	handler   *mcp.Handler
	mux       *http.ServeMux
}

func rules() []policy.Entry {
	read := ostiary.CategoryRead
	return []policy.Entry{
		{Match: "*:get_*", Category: &read, Source: "tools[0]"},
		{Match: "crm:delete_*", Source: "tools[1]", Approval: &policy.Approval{
			Required: true, DefaultScope: "once", Scopes: []string{"once", "session"}, MaxTTL: time.Hour, Risk: policy.RiskHigh,
		}},
		{Match: "crm:payroll", Roles: &policy.Roles{Names: []string{"accountant"}}, Source: "tools[2]"},
		{Match: "crm:@prompts/secret", Roles: &policy.Roles{Names: []string{"accountant"}}, Source: "tools[3]"},
		{Match: "crm:erase_all", Roles: &policy.Roles{Names: []string{"eraser"}}, Source: "tools[6]", Approval: &policy.Approval{
			Required: true, DefaultScope: "once", Scopes: []string{"once"}, MaxTTL: time.Hour, Risk: policy.RiskHigh,
		}},
		{Match: "crm:export", Scopes: []string{"crm:export"}, Source: "tools[4]"},
		{Match: "crm:@resources/crm://salaries", Roles: &policy.Roles{Names: []string{"accountant"}}, Source: "tools[5]"},
	}
}

func newHouse(t testing.TB, change ...func(*mcp.Config)) *house {
	t.Helper()
	return newHouseOver(t, nil, change...)
}

// newHouseOver is a house with real upstreams.
func newHouseOver(t testing.TB, fleet *upstream.Fleet, change ...func(*mcp.Config)) *house {
	t.Helper()
	h := &house{
		fleet: fleet,
		clock: &handClock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}, book: &book{},
		upstreams: &upstreams{lists: map[string]upstream.Lists{"crm": crmLists(), "notes": {Tools: items(`{"name":"get_note","inputSchema":{"type":"object"}}`)}}},
		wallet:    &wallet{tokens: map[string]*ostiary.Principal{}},
	}
	h.raw, h.ring = memory.Open(h.clock), store.NewKeyring(h.clock)
	compiled, err := policy.Compile(policy.Config{Entries: rules(), InferSite: true})
	if err != nil {
		t.Fatal(err)
	}
	h.rules = compiled
	h.instance = h.another(t, change...)
	h.wallet.tokens["alice"] = person("alice", "ses_alice")
	h.wallet.tokens["alice2"] = person("alice", "ses_alice2")
	h.wallet.tokens["bob"] = person("bob", "ses_bob")
	h.wallet.tokens["accountant"] = person("carol", "ses_carol")
	h.wallet.tokens["accountant"].Roles = []string{"accountant"}
	return h
}

func person(id ostiary.Subject, session ostiary.SessionID) *ostiary.Principal {
	return &ostiary.Principal{
		Subject: id, Tenant: "acme", Session: session, Client: ostiary.Client{ID: "personal", Name: "laptop", Verified: true},
		Sites: []ostiary.Site{"site-A"}, Tier: ostiary.TierWrite, Scopes: []string{"mcp:write"},
		Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"*"},
	}
}

// another opens one more gateway over the same storage.
func (h *house) another(t testing.TB, change ...func(*mcp.Config)) *instance {
	t.Helper()
	return h.over(t, h.raw, change...)
}

func (h *house) over(t testing.TB, raw store.Store, change ...func(*mcp.Config)) *instance {
	t.Helper()
	db, err := store.Open(t.Context(), raw, h.ring, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{db: db, epochs: store.NewEpochs(db)}
	i.approvals = approval.New(db, i.epochs, h.book, approval.Config{RequestTTL: 15 * time.Minute, MaxPending: 20, Retention: time.Hour})
	logger := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	i.source = &curtain{Source: h.upstreams}
	var carriers mcp.Upstreams = h.upstreams
	if h.fleet != nil {
		i.source.Source, carriers = h.fleet, h.fleet
	}
	i.catalogue = catalogue.New(catalogue.Config{
		Apps:   []catalogue.App{{ID: "crm", Name: "CRM", Standalone: true}, {ID: "notes", Name: "Notes"}, {ID: "pinned", Name: "Pinned", Pin: true}},
		Source: i.source, Accepted: catalogue.NewAccepted(db, i.epochs, h.book), Separator: "__",
		ArgumentNames: []string{"siteId"}, Logger: logger,
	})
	if err := i.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := mcp.Config{
		Guard: guard.New(guard.Config{
			Gates: gate.Order(gate.Config{Rules: h.rules, Approvals: i.approvals, Counters: db}),
			DB:    db, Epochs: i.epochs, Approvals: i.approvals, Log: h.book,
			Category: func(t *ostiary.Tool) ostiary.Category { return h.rules.Of(t).Category },
		}),
		Catalogue: i.catalogue, Upstreams: carriers, Identity: view{h.wallet, i.epochs, &sync.Map{}}, DB: db,
		PublicURL: "https://gate.example", Origins: []string{"https://chat.example"}, MaxBody: 4096,
		StepUp: mcp.StepUpHTTP, Version: "1.2.3", Instructions: "Ask nicely.", Logger: logger,
	}
	for _, f := range change {
		f(&config)
	}
	i.handler = mcp.New(config)
	t.Cleanup(func() {
		i.handler.Close()
		i.handler.Drain(t.Context()) // which is done by now
	})
	i.mux = http.NewServeMux()
	i.mux.Handle("/mcp", i.handler)
	i.mux.Handle("/{app}/mcp", i.handler)
	return i
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// relist gives an app other lists and makes the catalogue anew.
func (h *house) relist(t testing.TB, app string, lists upstream.Lists) {
	t.Helper()
	h.upstreams.mu.Lock()
	h.upstreams.lists[app] = lists
	h.upstreams.mu.Unlock()
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.handler.ListsChanged()
}

func (h *house) pending(t testing.TB) []approval.Request {
	t.Helper()
	all, _, err := h.approvals.Requests(t.Context(), h.decider("alice"), approval.Pending, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (h *house) decider(id ostiary.Subject) approval.Decider {
	return approval.Decider{Subject: id, Tenant: "acme", SignedInAt: h.clock.Now(), Origin: "page"}
}

func (h *house) decide(t testing.TB, how string) {
	t.Helper()
	all := h.pending(t)
	if len(all) != 1 {
		t.Fatalf("got %d pending requests; want one", len(all))
	}
	if _, err := h.approvals.Decide(t.Context(), all[0].ID, h.decider("alice"), approval.Answer{Decision: how}, time.Hour); err != nil {
		t.Fatalf("decide: %v", err)
	}
}
