package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A caller calls one run of a gateway with connections of its own. Unlike a
// house it fails no test: the gateway may end under its hands.
type caller struct {
	url  string
	http *http.Client
}

// caller returns a caller of the run that goes on now. close it.
func (h *house) caller() *caller {
	return &caller{h.url, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}}
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// An outcome is what a caller learned of one request.
type outcome int

const (
	lost    outcome = iota // no answer: it may have happened or not
	done                   // it went through
	asks                   // a yes is wanted first
	refused                // a clear no
)

func (o outcome) String() string { return [...]string{"lost", "done", "asks", "refused"}[o] }

// call calls a tool of the spy with an id as its argument.
func (c *caller) call(token, tool, id string) (outcome, answer) {
	return c.callWith(token, tool, fmt.Sprintf(`{"id":%q}`, id))
}

func (c *caller) callWith(token, tool, args string) (outcome, answer) {
	body, header := stateless("tools/call", tool, fmt.Sprintf(`"name":%q,"arguments":%s`, tool, args))
	var a answer
	status, text, err := c.send(http.MethodPost, "/mcp", token, body, header)
	if err != nil {
		return lost, a
	}
	a.status, a.body = status, []byte(text)
	if err := json.Unmarshal(a.body, &a); err != nil && status == http.StatusOK {
		return lost, a // cut off in the middle
	}
	switch {
	case a.Result.ResultType == "input_required":
		return asks, a
	case status == http.StatusOK && !a.Result.IsError && a.Error.Code == 0:
		return done, a
	default:
		return refused, a
	}
}

// api calls the JSON API; out may be nil. status 0 means that no answer came.
func (c *caller) api(token, method, path string, in, out any) (status int, text string) {
	body := ""
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			panic(err) // of the test's own making
		}
		body = string(data)
	}
	status, text, err := c.send(method, "/api/v1"+path, token, body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return 0, err.Error()
	}
	if out != nil && status < 300 && json.Unmarshal([]byte(text), out) != nil {
		return 0, text
	}
	return status, text
}

func (c *caller) send(method, path, token, body string, header http.Header) (int, string, error) {
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header = header
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	status, text, err := readAll(resp)
	return status, text, err
}

// approve says yes once to a request.
func (c *caller) approve(operator, request string) (status int, text string) {
	return c.api(operator, http.MethodPost, "/approvals/"+request+"/decision", map[string]string{"decision": "approve", "scope": "once"}, nil)
}

// deny says no to a request, so that it waits no longer. Whether that arrives
// is of no matter.
func (c *caller) deny(operator, request string) {
	c.api(operator, http.MethodPost, "/approvals/"+request+"/decision", map[string]string{"decision": "deny"}, nil)
}

// grant gives a person a yes to standing, until it is taken back.
func (c *caller) grant(operator, subject string) (id string, status int, text string) {
	var g struct{ ID string }
	status, text = c.api(operator, http.MethodPost, "/grants", map[string]string{"subject": subject, "tool": standing, "scope": "user", "reason": "for the test"}, &g)
	return g.ID, status, text
}

// A tokenMaker makes a person's tokens in their browser session, which
// outlives the gateway's runs.
type tokenMaker struct {
	*browser
	csrf string
}

func (b *browser) tokenMaker() *tokenMaker {
	b.h.t.Helper()
	var session struct{ CSRF string }
	_, page := b.get("/api/v1/session")
	if err := json.Unmarshal([]byte(page), &session); err != nil {
		b.h.t.Fatalf("session: %v in %s", err, page)
	}
	return &tokenMaker{b, session.CSRF}
}

// make makes a token with everything open. An empty one means that no yes
// came.
func (m *tokenMaker) make(url, name string) (t token, status int, text string) {
	body, err := json.Marshal(map[string]string{"name": name, "tier": "write", "apps": "all", "tools": "all", "sites": "all"})
	if err != nil {
		return t, 0, err.Error()
	}
	r, err := http.NewRequest(http.MethodPost, url+"/api/v1/tokens", strings.NewReader(string(body)))
	if err != nil {
		return t, 0, err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-CSRF-Token", m.csrf)
	resp, err := m.c.Do(r)
	if err != nil {
		return t, 0, err.Error()
	}
	status, text, err = readAll(resp)
	if err != nil || status != http.StatusCreated || json.Unmarshal([]byte(text), &t) != nil {
		return token{}, status, text
	}
	return t, status, text
}
