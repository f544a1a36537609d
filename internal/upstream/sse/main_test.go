package sse_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits; it only decides how long a broken test hangs.
const patience = 30 * time.Second

var (
	alice = upstream.Caller{Tenant: "acme", Subject: "alice"}
	bob   = upstream.Caller{Tenant: "acme", Subject: "bob"}
)

// open has a fleet with one app, "old", at handler.
func open(t *testing.T, handler http.Handler, change ...func(*upstream.Spec)) *upstream.Fleet {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return openURL(t, server.URL+"/sse", change...)
}

func openURL(t *testing.T, url string, change ...func(*upstream.Spec)) *upstream.Fleet {
	t.Helper()
	spec := upstream.Spec{App: "old", Transport: upstream.SSE, URL: url, Timeout: patience, Refresh: time.Hour}
	for _, c := range change {
		c(&spec)
	}
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{spec}, upstream.Options{
		Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{upstream.SSE: sse.Open},
	})
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

func try(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, params string) (string, error) {
	t.Helper()
	reply, err := fleet.Call(t.Context(), "old", who, upstream.Request{Method: "tools/call", Params: []byte(params)})
	if err == nil && reply.Err != nil {
		return string(reply.Err), nil
	}
	return string(reply.Result), err
}

func call(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, params string) string {
	t.Helper()
	result, err := try(t, fleet, who, params)
	if err != nil {
		t.Fatalf("call %.100s: %v", params, err)
	}
	return result
}

// A message is one as the server reads it.
type message struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	header http.Header
}

// A rawServer speaks the transport by hand. Its zero value is well-behaved
// and answers calls with {}.
type rawServer struct {
	endpoint string // said instead of its own; SESSION stands for the session
	opened   func(w http.ResponseWriter, r *http.Request) (handled bool)
	tools    string
	// posted answers what is posted; nil or false: the server does.
	posted func(s *stream, w http.ResponseWriter, m message) (handled bool)

	mu      sync.Mutex
	streams map[string]*stream
	opens   []http.Header
	posts   []message
}

// A stream is one session of the server.
type stream struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	over bool
	end  chan struct{}
}

// say writes an event, unless the stream has ended.
func (s *stream) say(event, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data)
	s.w.(http.Flusher).Flush()
}

func (s *stream) answer(id json.RawMessage, result string) {
	s.say("message", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result))
}

// drop ends the stream from the server's side.
func (s *stream) drop() { close(s.end) }

func (s *rawServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/sse":
		s.get(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/message":
		s.post(w, r)
	default:
		http.Error(w, "no such thing", http.StatusTeapot)
	}
}

func (s *rawServer) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.opens = append(s.opens, r.Header.Clone())
	id := fmt.Sprint(len(s.opens))
	s.mu.Unlock()
	if s.opened != nil && s.opened(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	st := &stream{w: w, end: make(chan struct{})}
	s.mu.Lock()
	if s.streams == nil {
		s.streams = map[string]*stream{}
	}
	s.streams[id] = st
	s.mu.Unlock()
	endpoint := s.endpoint
	if endpoint == "" {
		endpoint = "/message?session=SESSION"
	}
	st.say("endpoint", strings.ReplaceAll(endpoint, "SESSION", id))
	select {
	case <-st.end:
	case <-r.Context().Done():
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.over = true
	s.mu.Lock()
	delete(s.streams, id)
	s.mu.Unlock()
}

func (s *rawServer) stream(id string) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[id]
}

func (s *rawServer) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m := message{header: r.Header.Clone()}
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.posts = append(s.posts, m)
	s.mu.Unlock()
	st := s.stream(r.URL.Query().Get("session"))
	if st == nil {
		http.Error(w, "session not found", http.StatusNotFound)
		return
	}
	if s.posted != nil && s.posted(st, w, m) {
		return
	}
	w.WriteHeader(http.StatusAccepted)
	switch m.Method {
	case "initialize":
		st.answer(m.ID, `{"protocolVersion":"2024-11-05","serverInfo":{"name":"raw","version":"1"},"capabilities":{"tools":{}}}`)
	case "tools/list":
		st.answer(m.ID, `{"tools":[`+s.tools+`]}`)
	case "tools/call":
		st.answer(m.ID, `{}`)
	}
}

// about returns what was posted with a method.
func (s *rawServer) about(method string) (some []message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.posts {
		if m.Method == method {
			some = append(some, m)
		}
	}
	return some
}

func (s *rawServer) opening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opens)
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// calls makes posted of a function for tools/call.
func calls(f func(s *stream, w http.ResponseWriter, m message)) func(*stream, http.ResponseWriter, message) bool {
	return func(s *stream, w http.ResponseWriter, m message) bool {
		if m.Method != "tools/call" {
			return false
		}
		f(s, w, m)
		return true
	}
}

// serve starts a server and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}
