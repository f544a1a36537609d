package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// belongings are what a client carries for the gateway, each with a request
// that shows it. What is shown by another opens nothing.
var belongings = map[string]struct {
	get    func(h *house, tok token) string
	show   func(h *house, it string, tok token) answer
	good   string // in the answer to whose it is
	status int    // of the answer to others
}{
	"a session": {
		get: func(h *house, tok token) string {
			return openSession(h.t, h.url+"/mcp", tok.Token).header.Get("Mcp-Session-Id")
		},
		show: func(h *house, it string, tok token) answer {
			_, header := stateless("", "", "")
			header.Set("Mcp-Session-Id", it)
			header.Set("MCP-Protocol-Version", "2025-11-25")
			header.Del("Mcp-Method")
			return h.mustPost(tok, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, header)
		},
		good: `"result":{}`, status: http.StatusNotFound,
	},
	"a cursor": {
		get: func(h *house, tok token) string {
			body, header := stateless("tools/list", "", "")
			return found(h, h.mustPost(tok, body, header), `"nextCursor":"([^"]+)"`)
		},
		show: func(h *house, it string, tok token) answer {
			body, header := stateless("tools/list", "", fmt.Sprintf(`"cursor":%q`, it))
			return h.mustPost(tok, body, header)
		},
		good: `"small__tool-1099"`, status: http.StatusBadRequest,
	},
	"a request state": {
		get: func(h *house, tok token) string {
			return h.call(tok, "small__tool-0000", `{"n":1}`).Result.RequestState
		},
		show: func(h *house, it string, tok token) answer {
			body, header := stateless("tools/call", "small__tool-0000",
				fmt.Sprintf(`"name":"small__tool-0000","arguments":{"n":1},"inputResponses":{"step":{"action":"accept"}},"requestState":%q`, it))
			return h.mustPost(tok, body, header)
		},
		good: `"inputRequests":{"step"`, status: http.StatusBadRequest,
	},
	"a task": {
		get: func(h *house, tok token) string {
			body, header := withTasks(stateless("tools/call", "small__tool-0000", `"name":"small__tool-0000","arguments":{"n":2}`))
			return found(h, h.mustPost(tok, body, header), `"taskId":"([^"]+)"`)
		},
		show: func(h *house, it string, tok token) answer {
			body, header := withTasks(stateless("tasks/get", it, fmt.Sprintf(`"taskId":%q`, it)))
			return h.mustPost(tok, body, header)
		},
		good: `"status":"`, status: http.StatusBadRequest,
	},
}

// withTasks has a stateless client declare tasks.
func withTasks(body string, header http.Header) (string, http.Header) {
	return strings.Replace(body, `"elicitation":`, `"extensions":{"io.modelcontextprotocol/tasks":{}},"elicitation":`, 1), header
}

func found(h *house, a answer, pattern string) string {
	h.t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(a.body)
	if m == nil {
		h.t.Fatalf("got %d %.500s; want %s", a.status, a.body, pattern)
	}
	return string(m[1])
}

func (h *house) mustPost(tok token, body string, header http.Header) answer {
	h.t.Helper()
	a, err := h.post(tok, "/mcp", body, header)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// TestWhatSomebodyElseCarriesOpensNothing: sessions, cursors, request states
// and tasks are good for the session of the person that they were given to.
// Ids of events are shown in TestASessionIsOneOverTwoGateways.
func TestWhatSomebodyElseCarriesOpensNothing(t *testing.T) {
	p := newParrot(t, modern, "json")
	for i := range 1100 {
		p.tools = append(p.tools, fmt.Sprintf(`{"name":"tool-%04d","inputSchema":{"type":"object"}}`, i))
	}
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, %s, shared: true}\ntools:\n"+
		"  - {match: \"small:tool-0000\", approval: {required: true, approvers: {roles: [approver]}}}\n", p.app)+"approvals: {hold: 1ms}\n").start()
	alice, again, bob := h.token("alice", "write"), h.token("alice", "write"), h.token("bob", "write")
	for what, b := range belongings {
		t.Run(what, func(t *testing.T) {
			it := b.get(h, alice)
			for who, tok := range map[string]token{"another session of hers": again, "another person": bob} {
				if a := b.show(h, it, tok); a.status != b.status || strings.Contains(string(a.body), b.good) {
					t.Errorf("%s was answered %d %.300s; want %d", who, a.status, a.body, b.status)
				}
			}
			if a := b.show(h, edited(it), alice); a.status != b.status {
				t.Errorf("an edited one was answered %d %.300s; want %d", a.status, a.body, b.status)
			}
			if a := b.show(h, it, alice); a.status != http.StatusOK || !strings.Contains(string(a.body), b.good) || !json.Valid(a.body) {
				t.Errorf("its holder was answered %d %.300s; want %s", a.status, a.body, b.good)
			}
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls != 0 {
		t.Errorf("%d calls reached the app", p.calls)
	}
}

// edited changes one character in the middle.
func edited(it string) string {
	at := len(it) / 2
	other := "A"
	if it[at] == 'A' {
		other = "B"
	}
	return it[:at] + other + it[at+1:]
}
