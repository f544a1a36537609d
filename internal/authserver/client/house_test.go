package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }

// A book is the log of a test.
type book struct{}

const bookName = "test1"

func (book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: bookName, Line: func(uint64) ([]byte, error) { return line, err }})
}

// A web is what Fetchers find: documents by URL. It counts who asks.
type web struct {
	mu     sync.Mutex
	pages  map[string]netguard.Response
	errs   map[string]error
	asked  map[string]int
	wait   chan struct{} // not nil: answers come when it is closed
	called chan struct{} // not nil: hears of each question
}

func newWeb() *web {
	return &web{pages: map[string]netguard.Response{}, errs: map[string]error{}, asked: map[string]int{}}
}

func (w *web) Get(ctx context.Context, url string, _ ...string) (netguard.Response, error) {
	w.mu.Lock()
	w.asked[url]++
	page, ok := w.pages[url]
	err := w.errs[url]
	wait, called := w.wait, w.called
	w.mu.Unlock()
	if called != nil {
		called <- struct{}{}
	}
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return netguard.Response{}, ctx.Err()
		}
	}
	switch {
	case err != nil:
		return netguard.Response{}, err
	case !ok:
		return netguard.Response{}, netguard.ErrAnswer
	}
	return page, nil
}

func (w *web) put(url, body string, headers ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	w.pages[url] = netguard.Response{Header: h, Body: []byte(body)}
	delete(w.errs, url)
}

func (w *web) fail(url string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs[url] = err
}

// all is how often anything was asked for.
func (w *web) all() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, times := range w.asked {
		n += times
	}
	return n
}

func (w *web) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

// A house is one storage; instance makes registries over it.
type house struct {
	clock    *storetest.Clock
	raw      store.Store
	ring     *store.Keyring
	config   Config
	metadata *web
	keys     *web
	operator *web
	logged   bytes.Buffer
}

// drivers open an empty storage each.
var drivers = map[string]func(testing.TB, ostiary.Clock) store.Store{
	"memory": func(_ testing.TB, c ostiary.Clock) store.Store { return memory.Open(c) },
	"sqlite": func(t testing.TB, c ostiary.Clock) store.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "o.db"), sqlite.Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
	"postgres": func(t testing.TB, c ostiary.Clock) store.Store {
		s, err := postgres.Open(t.Context(), testparts.Postgres(t), postgres.Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
}

func newHouse(t testing.TB, edits ...func(*Config)) *house {
	t.Helper()
	return houseOn(t, "memory", edits...)
}

func houseOn(t testing.TB, driver string, edits ...func(*Config)) *house {
	t.Helper()
	h := &house{
		clock: storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)), metadata: newWeb(), keys: newWeb(), operator: newWeb(),
	}
	h.raw = drivers[driver](t, h.clock)
	t.Cleanup(func() { h.raw.Close() })
	h.ring = store.NewKeyring(h.clock)
	h.config = Config{
		Dynamic: true, Documents: true, RedirectAllow: []string{cursor}, MaxClients: 100, UnusedTTL: 24 * time.Hour, ClientTTL: 90 * 24 * time.Hour,
		Audiences: []string{issuer, tokenEndpoint}, Metadata: h.metadata, Keys: h.keys, OperatorKeys: h.operator,
		Logger: slog.New(slog.NewTextHandler(&h.logged, nil)),
	}
	for _, edit := range edits {
		edit(&h.config)
	}
	return h
}

const (
	cursor        = "cursor://anysphere.cursor-mcp/oauth/callback"
	issuer        = "https://ostiary.example"
	tokenEndpoint = "https://ostiary.example/oauth/token"
)

var by = audit.Actor{IPClass: "public"}

// instance is one gateway's registry over the storage. It does not follow the
// feed of changes: the worst case.
func (h *house) instance(t testing.TB) *Registry {
	t.Helper()
	return h.over(t, h.raw)
}

func (h *house) over(t testing.TB, raw store.Store) *Registry {
	t.Helper()
	db, err := store.Open(t.Context(), raw, h.ring, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRegistry(db, store.NewEpochs(db), book{}, h.config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// events are those of the log, in order.
func (h *house) events(t testing.TB) (out []string) {
	t.Helper()
	for raw, err := range h.raw.Entries(t.Context(), bookName, 0) {
		var e audit.Entry
		if err := errors.Join(err, json.Unmarshal(raw.Line, &e)); err != nil {
			t.Fatal(err)
		}
		out = append(out, string(e.Kind)+" "+e.Event+" "+e.Target)
	}
	return out
}

// register registers with members beside a loopback redirect URI.
func (r *Registry) try(t testing.TB, body string) (Registration, error) {
	t.Helper()
	return r.Register(t.Context(), []byte(body), "192.0.2.7", by)
}

func (r *Registry) must(t testing.TB, body string) Registration {
	t.Helper()
	got, err := r.try(t, body)
	if err != nil {
		t.Fatalf("register %s: %v", body, err)
	}
	return got
}

// claude is what a usual agent says.
const claude = `{"client_name":"Claude Code","redirect_uris":["http://localhost:4711/callback"],"grant_types":["authorization_code","refresh_token"],
	"response_types":["code"],"token_endpoint_auth_method":"none"}`

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v; want %v", what, got, want)
	}
}

func wantCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("%s: got %v; want %s", what, err, code)
	}
}
