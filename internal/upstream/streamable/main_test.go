package streamable_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits; it only decides how long a broken test hangs.
const patience = 30 * time.Second

var alice = upstream.Caller{Tenant: "acme", Subject: "alice"}

// open has a fleet with one app, "crm", at handler.
func open(t *testing.T, handler http.Handler, change ...func(*upstream.Spec, *upstream.Options)) (*upstream.Fleet, *recorder) {
	t.Helper()
	rec := &recorder{next: handler}
	server := httptest.NewServer(rec)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return openURL(t, server.URL, change...), rec
}

func openURL(t *testing.T, url string, change ...func(*upstream.Spec, *upstream.Options)) *upstream.Fleet {
	t.Helper()
	spec := upstream.Spec{App: "crm", URL: url, Timeout: time.Minute, Refresh: time.Hour}
	options := upstream.Options{
		Logger:     slog.New(slog.DiscardHandler),
		Transports: map[string]upstream.Opener{upstream.Streamable: streamable.Open},
	}
	for _, c := range change {
		c(&spec, &options)
	}
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{spec}, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := fleet.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return fleet
}

func ready(t *testing.T, fleet *upstream.Fleet) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := fleet.Ready(ctx, "crm"); err != nil {
		t.Fatalf("ready: %v", err)
	}
}

func call(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, params string) upstream.Reply {
	t.Helper()
	reply, err := fleet.Call(t.Context(), "crm", who, upstream.Request{Method: "tools/call", Params: []byte(params)})
	if err != nil {
		t.Fatalf("call %.100s: %v", params, err)
	}
	return reply
}

// A recorder keeps what reaches a server.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	seen []seen
}

type seen struct {
	method string // of HTTP
	header http.Header
	body   string
	length int64
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the client went away
	}
	req.Body = io.NopCloser(newReader(body))
	r.mu.Lock()
	r.seen = append(r.seen, seen{req.Method, req.Header.Clone(), string(body), req.ContentLength})
	r.mu.Unlock()
	r.next.ServeHTTP(w, req)
}

func (r *recorder) all() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seen(nil), r.seen...)
}

// about returns what came with a JSON-RPC method.
func (r *recorder) about(method string) (some []seen) {
	for _, s := range r.all() {
		if methodOf(s.body) == method {
			some = append(some, s)
		}
	}
	return some
}

// await waits until something came with a JSON-RPC method.
func await(t *testing.T, rec *recorder, method string) seen {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if some := rec.about(method); len(some) > 0 {
			return some[0]
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s never came", method)
		}
	}
}
