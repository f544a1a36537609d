package mcp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/mcp"
)

// A link to a page that has nothing to open would be a circle.
func TestWhereAppsAreOpenedAtFirstOnlyNobodyIsLedToOpenOne(t *testing.T) {
	h := newHouse(t, func(c *mcp.Config) { c.SignInScope, c.NoIncremental = "mcp-agent", true })
	for name, c := range map[string]struct {
		edit  func(*ostiary.Principal)
		url   string
		opens bool
	}{
		"an app":            {func(p *ostiary.Principal) { p.Apps = ostiary.Selection{} }, "https://gate.example/account/agents", false},
		"a tool of its app": {func(p *ostiary.Principal) { p.Tools = ostiary.Selection{} }, "https://gate.example/oauth/authorize?app=crm", true},
	} {
		p := person("alice", "ses_agent")
		p.Client = ostiary.Client{ID: "https://agent.example/c", Name: "Agent"}
		c.edit(p)
		h.wallet.tokens["agent"] = p
		body := h.send(t, call("agent", "crm__get_contact", `{}`)).Body.String()
		if !strings.Contains(body, `"auth_url":"`+c.url+`"`) || strings.Contains(body, `"supports_incremental":true`) != c.opens || strings.Contains(body, "connect it again") == c.opens {
			t.Errorf("%s: got %s, want %s", name, body, c.url)
		}
	}
}

// Who connected an agent is led to where they give it more; a personal token's
// owner to where they make another.
func TestAnAgentsPersonIsLedToWhereTheyGiveItMore(t *testing.T) {
	h := newHouse(t, func(c *mcp.Config) { c.SignInScope = "mcp-agent" })
	if w := h.send(t, call("", "crm__get_contact", `{}`)); !strings.Contains(w.Header().Get("WWW-Authenticate"), `scope="mcp-agent"`) {
		t.Errorf("got %q", w.Header().Get("WWW-Authenticate"))
	}
	agent := func(edit func(*ostiary.Principal)) {
		p := person("alice", "ses_agent")
		p.Client = ostiary.Client{ID: "https://agent.example/c", Name: "Agent"}
		edit(p)
		h.wallet.tokens["agent"] = p
	}
	for name, c := range map[string]struct {
		edit func(*ostiary.Principal)
		code int
		url  string
	}{
		"an app":         {func(p *ostiary.Principal) { p.Apps = ostiary.Selection{} }, http.StatusOK, "https://gate.example/oauth/authorize?app=crm"},
		"a tool":         {func(p *ostiary.Principal) { p.Tools = ostiary.Selection{} }, http.StatusOK, "https://gate.example/oauth/authorize?app=crm"},
		"a tier":         {func(p *ostiary.Principal) { p.Tier = ostiary.TierNone }, http.StatusForbidden, "https://gate.example/oauth/authorize?app=crm&scope=mcp%3Aread"},
		"machine":        {func(p *ostiary.Principal) { p.Client.ID, p.Apps = "alice", ostiary.Selection{} }, http.StatusOK, "https://gate.example/account/tokens"},
		"personal token": {func(p *ostiary.Principal) { p.Client.ID, p.Apps = "personal", ostiary.Selection{} }, http.StatusOK, "https://gate.example/account/tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			agent(c.edit)
			w := h.send(t, call("agent", "crm__get_contact", `{}`))
			body := strings.ReplaceAll(w.Body.String(), `\u0026`, "&")
			incremental := strings.Contains(body, `"supports_incremental":true`)
			if w.Code != c.code || !strings.Contains(body, `"auth_url":"`+c.url+`"`) || incremental != strings.Contains(c.url, "/oauth/") {
				t.Errorf("got %d %s, want %d and %s", w.Code, body, c.code, c.url)
			}
		})
	}
}
