package upstream_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var alice = upstream.Caller{Tenant: "acme", Subject: "alice"}

// A fakeTransport is a costly transport in memory. Its upstream speaks
// 2025-11-25.
type fakeTransport struct {
	slow    time.Duration // of dialing
	failing bool
	era     string // "2026-07-28": answers server/discover
	caps    string // "": tools
	// versions are what it says there, and noSession that initialize, which it
	// answers always, begins none.
	versions  string
	noSession bool
	answer    func(l *fakeLink, m *upstream.Message) string
	refuse    func(m *upstream.Message) string // an error object; "" none

	mu    sync.Mutex
	dials []time.Time
	links []*fakeLink
	asked []string // methods
	about []string // methods with the URI they are about
	begun []string // capabilities at initialize
}

func (f *fakeTransport) open(upstream.Spec, upstream.Tools) (upstream.Transport, error) {
	return f, nil
}

func (f *fakeTransport) Costly() bool { return true }
func (f *fakeTransport) Close() error { return nil }

func (f *fakeTransport) Dial(ctx context.Context, receive upstream.Receiver) (upstream.Link, error) {
	f.mu.Lock()
	f.dials = append(f.dials, time.Now()) // of the bubble
	f.mu.Unlock()
	select {
	case <-time.After(f.slow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.failing {
		return nil, errors.New("no such program")
	}
	l := &fakeLink{fakeTransport: f, receive: receive, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links = append(f.links, l)
	return l, nil
}

func (f *fakeTransport) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, asked := range f.asked {
		if asked == method {
			n++
		}
	}
	return n
}

// uris are what was asked about single resources, in order.
func (f *fakeTransport) uris() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.about, ", ")
}

func (f *fakeTransport) dialed() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dials)
}

func (f *fakeTransport) link(i int) *fakeLink {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.links[i]
}

type fakeLink struct {
	*fakeTransport
	receive upstream.Receiver
	once    sync.Once
	done    chan struct{}
	posted  []string // answers
}

func (l *fakeLink) Done() <-chan struct{} { return l.done }
func (l *fakeLink) Err() error            { return errors.New("it broke") }

func (l *fakeLink) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *fakeLink) InSession() bool { return !l.noSession }

func (l *fakeLink) Post(_ context.Context, m *upstream.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.Method == "" {
		l.posted = append(l.posted, string(m.Body))
	}
	return nil
}

func (l *fakeLink) Do(_ context.Context, m *upstream.Message) (wire.Message, error) {
	l.mu.Lock()
	l.asked = append(l.asked, m.Method)
	if uri, ok := wire.LookupText(m.Body, "params", "uri"); ok {
		l.about = append(l.about, m.Method+" "+uri)
	}
	if caps, ok := wire.Lookup(m.Body, "params", "capabilities"); ok {
		l.begun = append(l.begun, string(caps))
	}
	l.mu.Unlock()
	if l.refuse != nil && l.refuse(m) != "" {
		return wire.ParseReply(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"error":%s}`, m.ID, l.refuse(m)))
	}
	if m.Method == wire.MethodDiscover && l.era == "" {
		return wire.Message{}, errors.New("unknown method")
	}
	versions, caps := cmp.Or(l.versions, `"2026-07-28"`), cmp.Or(l.caps, `{"tools":{"listChanged":true}}`)
	result := `{"supportedVersions":[` + versions + `],"protocolVersion":"2025-11-25","capabilities":` + caps + `,"tools":[],"resources":[],"resourceTemplates":[]}`
	if m.Method == wire.MethodToolsCall && l.answer != nil {
		result = l.answer(l, m)
	}
	return wire.ParseReply(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":%s}`, m.ID, result))
}

// says has the upstream say something by itself.
func (l *fakeLink) says(message string) {
	m, err := wire.ParseReply([]byte(message))
	if err != nil {
		panic(err)
	}
	l.receive(m)
}

// open has a fleet with one app, "files".
func open(t *testing.T, f *fakeTransport, change ...func(*upstream.Spec)) *upstream.Fleet {
	t.Helper()
	spec := upstream.Spec{App: "files", Transport: "fake", Shared: true, Refresh: time.Hour}
	for _, c := range change {
		c(&spec)
	}
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{spec}, upstream.Options{
		Logger:     slog.New(slog.DiscardHandler),
		Transports: map[string]upstream.Opener{"fake": f.open},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	return fleet
}

func call(ctx context.Context, fleet *upstream.Fleet, who upstream.Caller) (string, error) {
	reply, err := fleet.Call(ctx, "files", who, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
	return string(reply.Result), err
}
