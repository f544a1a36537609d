package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A spy is an upstream of the test's own, without sessions in both eras. It
// keeps every call that it gets. Each call carries an id of its own as an
// argument, so that calls, approvals and records can be told apart.
type spy struct {
	server *httptest.Server

	mu     sync.Mutex
	calls  []spied
	manner http.HandlerFunc // of answering a call; nil: well
}

// A spied call is one that reached the spy.
type spied struct{ tool, id string }

// The spy's tools, with their canonical ids. Their rules stand in spyApp.
const (
	freely   = "spy:read"     // anybody's
	onceOnly = "spy:write"    // each call wants its own yes
	standing = "spy:standing" // a yes for the person is enough
)

// spyApp is the configuration of a spy.
const spyApp = `
apps:
  - {id: spy, name: Spy, url: %q, shared: true, timeout: %s}
tools:
  - {match: "spy:read", category: read}
  - match: "spy:write"
    approval: {required: true, default_scope: once, allowed_scopes: [once], approvers: {roles: [approver], allow_self: false}}
  - match: "spy:standing"
    approval: {required: true, default_scope: user, allowed_scopes: [once, user], approvers: {roles: [approver], allow_self: false}}
`

func newSpy(t *testing.T) *spy {
	t.Helper()
	s := new(spy)
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.server.Close)
	return s
}

// app is the configuration that puts the spy behind a gateway, and gives it
// so long to answer.
func (s *spy) app(timeout string) string {
	return fmt.Sprintf(spyApp, s.server.URL+"/mcp", timeout)
}

// behave makes the spy answer calls in a manner of its own; nil is well.
func (s *spy) behave(manner http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manner = manner
}

// seen is what reached the spy so far.
func (s *spy) seen() []spied {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]spied(nil), s.calls...)
}

// count says how often each id reached the spy.
func (s *spy) count() map[string]int {
	times := map[string]int{}
	for _, c := range s.seen() {
		times[c.id]++
	}
	return times
}

func (s *spy) keep(c spied) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	return s.manner
}

// spyMessage is as much of a message as the spy looks at.
type spyMessage struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Name            string
		ProtocolVersion string
		Arguments       struct{ ID string }
	}
}

func (s *spy) serve(w http.ResponseWriter, r *http.Request) {
	var m spyMessage
	if r.Method != http.MethodPost {
		http.Error(w, "only POST: there are no sessions here", http.StatusMethodNotAllowed)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if m.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if m.Method != "tools/call" {
		spyAnswer(w, m)
		return
	}
	if manner := s.keep(spied{"spy:" + m.Params.Name, m.Params.Arguments.ID}); manner != nil {
		manner(w, r)
		return
	}
	spyAnswer(w, m)
}

var spyResults = map[string]string{
	"server/discover": `{"resultType":"complete","ttlMs":0,"cacheScope":"private","supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}}}`,
	"initialize":      `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"spy","version":"1"}}`,
	"ping":            `{}`,
	"tools/list":      `{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[` + spyTools("read", "write", "standing") + `]}`,
	"tools/call":      `{"resultType":"complete","content":[{"type":"text","text":"done"}]}`,
}

func spyTools(names ...string) string {
	var tools []string
	for _, name := range names {
		tools = append(tools, fmt.Sprintf(`{"name":%q,"description":"Does nothing.","inputSchema":{"type":"object","properties":{"id":{"type":"string"},"note":{"type":"string"}}}}`, name))
	}
	return strings.Join(tools, ",")
}

func spyAnswer(w http.ResponseWriter, m spyMessage) {
	w.Header().Set("Content-Type", "application/json")
	if result, ok := spyResults[m.Method]; ok {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
		return
	}
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"method not found"}}`, m.ID)
}
