package streamable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

func methodOf(body string) string {
	var m struct{ Method string }
	if json.Unmarshal([]byte(body), &m) != nil {
		return ""
	}
	return m.Method
}

func idOf(body []byte) string {
	var m struct{ ID json.RawMessage }
	if json.Unmarshal(body, &m) != nil {
		return ""
	}
	return string(m.ID)
}

// A rawServer speaks one era by hand and lets a test answer calls as it likes.
type rawServer struct {
	sessions bool // of the era with sessions
	caps     string
	tools    func(cursor string) string // result of tools/list
	call     func(w http.ResponseWriter, r *http.Request, id string, body []byte)
	session  atomic.Int64 // number of the session that is known
	listen   http.HandlerFunc
}

func (s *rawServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		s.other(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := idOf(body)
	switch method := methodOf(string(body)); {
	case method == "server/discover" && s.sessions:
		http.Error(w, "Bad Request: no valid session", http.StatusBadRequest)
	case method == "server/discover":
		answer(w, id, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":`+s.capabilities()+`}`)
	case method == "initialize":
		w.Header().Set("Mcp-Session-Id", s.id())
		answer(w, id, `{"protocolVersion":"2025-11-25","serverInfo":{"name":"raw","version":"1"},"capabilities":`+s.capabilities()+`}`)
	case s.sessions && r.Header.Get("Mcp-Session-Id") != s.id():
		http.Error(w, "session not found", http.StatusNotFound)
	case strings.HasPrefix(method, "notifications/"):
		w.WriteHeader(http.StatusAccepted)
	case method == "tools/list":
		answer(w, id, s.list(body))
	case method == "subscriptions/listen":
		s.listen(w, r)
	default:
		s.call(w, r, id, body)
	}
}

func (s *rawServer) other(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && s.listen != nil {
		s.listen(w, r)
		return
	}
	w.WriteHeader(http.StatusMethodNotAllowed)
}

func (s *rawServer) id() string { return fmt.Sprintf("session-%d", s.session.Load()) }

func (s *rawServer) capabilities() string {
	if s.caps == "" {
		return `{}`
	}
	return s.caps
}

func (s *rawServer) list(body []byte) string {
	if s.tools == nil {
		return `{"tools":[]}`
	}
	var m struct{ Params struct{ Cursor string } }
	if json.Unmarshal(body, &m) != nil {
		return `{}`
	}
	return s.tools(m.Params.Cursor)
}

func answer(w http.ResponseWriter, id, result string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}

// stream begins a stream of events.
func stream(w http.ResponseWriter, messages ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, m := range messages {
		fmt.Fprintf(w, "event: message\ndata: %s\n\n", m)
	}
	w.(http.Flusher).Flush()
}

// replies answers every call with one result.
func replies(result string) func(http.ResponseWriter, *http.Request, string, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) { answer(w, id, result) }
}

// says answers every call with status, type and body.
func says(status int, kind, body string) func(http.ResponseWriter, *http.Request, string, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, strings.ReplaceAll(body, "ID", id))
	}
}

// readAll reads a request's body and puts it back.
func readAll(t *testing.T, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read a request: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}
