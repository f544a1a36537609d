package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
	"github.com/ostiary/ostiary/internal/wire"
)

// everything is all that an operator may allow.
const everything = upstream.AskElicitation | upstream.AskAnySampling | upstream.AskRoots

// A lane is a door with real connections, and one upstream behind it that a
// test plays by hand.
type lane struct {
	*house
	url string
}

// allows lets the upstream of an app ask clients.
func allows(t testing.TB, app string, asks upstream.Asks) func(*mcp.Config) {
	return func(c *mcp.Config) {
		apps := slices.Clone(c.Catalogue.Apps())
		for i := range apps {
			if apps[i].ID == app {
				apps[i].Asks = asks
			}
		}
		if err := c.Catalogue.Replace(t.Context(), apps, []string{"siteId"}, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func newLane(t *testing.T, server http.Handler, asks upstream.Asks, change ...func(*mcp.Config)) *lane {
	t.Helper()
	behind := httptest.NewServer(server)
	t.Cleanup(behind.Close)
	t.Cleanup(behind.CloseClientConnections)
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{{App: "crm", URL: behind.URL + "/mcp", Timeout: 30 * time.Second, Refresh: time.Hour}}, upstream.Options{
		Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{upstream.Streamable: streamable.Open},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	if err := fleet.Ready(t.Context(), "crm"); err != nil {
		t.Fatal(err)
	}
	h := newHouseOver(t, fleet, append([]func(*mcp.Config){allows(t, "crm", asks)}, change...)...)
	return &lane{h, door(t, h.instance)}
}

// door serves an instance over real connections.
func door(t *testing.T, i *instance) string {
	t.Helper()
	server := httptest.NewServer(i.mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(func() { i.handler.Drain(t.Context()) }) // of calls whose clients hung up
	return server.URL
}

// A flow is a response that is still being read.
type flow struct {
	status int
	kind   string
	body   io.ReadCloser
	events *wire.EventReader
}

// talk sends a note over a real connection and returns with the head of the
// response.
func (l *lane) talk(t *testing.T, n note) *flow { return talkTo(t.Context(), t, l.url, n) }

func talkTo(ctx context.Context, t *testing.T, url string, n note) *flow {
	t.Helper()
	r := n.request(ctx)
	out, err := http.NewRequestWithContext(ctx, r.Method, url+r.URL.Path, r.Body)
	if err != nil {
		t.Fatal(err)
	}
	out.Header = r.Header
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &flow{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Body, wire.NewEventReader(resp.Body, 1<<20)}
}

// next is the next message of a stream.
func (f *flow) next(t *testing.T) string {
	t.Helper()
	e, err := f.events.Next()
	if err != nil {
		t.Fatalf("read the stream (%d %s): %v", f.status, f.kind, err)
	}
	return string(e.Data)
}

// rest is the body of what is no stream.
func (f *flow) rest(t *testing.T) string {
	t.Helper()
	raw, err := io.ReadAll(f.body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// idOf is the id of a message, as JSON.
func idOf(t *testing.T, message string) string {
	t.Helper()
	id, ok := wire.Lookup([]byte(message), "id")
	if !ok {
		t.Fatalf("got %s; want a message with an id", message)
	}
	return string(id)
}

// An elder is an upstream of 2025-11-25 whose calls a test answers by hand.
type elder struct {
	t    *testing.T
	call func(c *elderCall) // answers tools/call; nil: at once
	// both makes it speak 2026-07-28 as well, to whom modern answers.
	modern http.Handler
	unique bool // ids of questions are made different

	mu      sync.Mutex
	begun   []string // capabilities at initialize
	called  []string // params of calls
	waiting map[string]chan string
	strays  []string // answers that nobody waits for
	quit    []string // notifications/cancelled
}

func (e *elder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if e.modern != nil && r.Header.Get("Mcp-Protocol-Version") == wire.Version20260728 {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		e.modern.ServeHTTP(w, r)
		return
	}
	m, err := wire.ParseReply(body)
	if err != nil {
		e.t.Errorf("the upstream got %s: %v", body, err)
	}
	switch {
	case m.Kind == wire.Response:
		e.answered(string(m.ID), string(body))
		w.WriteHeader(http.StatusAccepted)
	case m.Kind == wire.Notification:
		e.note(m)
		w.WriteHeader(http.StatusAccepted)
	default:
		e.request(w, r, m)
	}
}

func (e *elder) note(m wire.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.Method == wire.MethodCancelled {
		e.quit = append(e.quit, string(m.Params))
	}
}

func (e *elder) answered(id, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if came := e.waiting[id]; came != nil {
		delete(e.waiting, id)
		came <- body
		return
	}
	e.strays = append(e.strays, body)
}

func (e *elder) request(w http.ResponseWriter, r *http.Request, m wire.Message) {
	result := func(raw string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, raw)
	}
	switch m.Method {
	case wire.MethodDiscover:
		w.WriteHeader(http.StatusBadRequest)
	case wire.MethodInitialize:
		caps, _ := wire.Lookup(m.Params, "capabilities")
		e.mu.Lock()
		e.begun = append(e.begun, string(caps))
		id := fmt.Sprint("s", len(e.begun))
		e.mu.Unlock()
		w.Header().Set("Mcp-Session-Id", id)
		result(`{"protocolVersion":"2025-11-25","serverInfo":{"name":"elder","version":"1"},"capabilities":{"tools":{}}}`)
	case wire.MethodToolsList:
		var tools []string
		for _, item := range crmLists().Tools {
			tools = append(tools, string(item.Raw))
		}
		result(`{"tools":[` + strings.Join(tools, ",") + `]}`)
	default:
		e.mu.Lock()
		e.called = append(e.called, string(m.Params))
		e.mu.Unlock()
		if e.call == nil {
			result(`{"content":[]}`)
			return
		}
		e.call(&elderCall{e, r.Context(), w, m.ID, false})
	}
}

func (e *elder) got() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.called...)
}

// An elderCall is one call under way.
type elderCall struct {
	*elder
	ctx   context.Context
	w     http.ResponseWriter
	id    json.RawMessage
	begun bool
}

func (c *elderCall) say(message string) {
	if !c.begun {
		c.begun = true
		c.w.Header().Set("Content-Type", "text/event-stream")
	}
	fmt.Fprintf(c.w, "data: %s\n\n", message)
	_ = http.NewResponseController(c.w).Flush() // who is gone can't be told
}

// asks sends a request and returns where the answer comes.
func (c *elderCall) asks(id, method, params string) <-chan string {
	came := make(chan string, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = map[string]chan string{}
	}
	if c.unique {
		id = fmt.Sprint(len(c.called), id)
	}
	c.waiting[id] = came
	c.mu.Unlock()
	context.AfterFunc(c.ctx, func() { c.giveUp(id, came) })
	c.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + params + `}`)
	return came
}

// giveUp ends the wait for an answer when the call is gone.
func (e *elder) giveUp(id string, came chan string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting[id] == came {
		delete(e.waiting, id)
		close(came)
	}
}

// answer ends the call with a text.
func (c *elderCall) answer(text string) {
	raw, err := json.Marshal(text)
	if err != nil {
		c.t.Error(err)
	}
	c.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}]}}`, c.id, raw))
}

// eventually waits for a condition, as long as a broken test may hang.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("it never came to this: %s", what)
		}
	}
}
