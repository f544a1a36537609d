package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/pages"
)

func sampleSession() pages.AgentSession {
	return pages.AgentSession{
		ConnectedAgent: sampleAgents().Agents[0], Subject: "corp|alice", Tenant: "acme", Resources: []string{"/mcp"}, Scopes: []string{"crm:read"},
		SignedInAt: now.Add(-73 * time.Hour),
	}
}

// hostile is a name that wants to be more than text.
const hostile = "Claude\u202e edoC</title><b>verified</b>\u200b\n"

func hostileSession() pages.AgentSession {
	s := sampleSession()
	s.ID, s.Agent = "ses_2", pages.Agent{Name: hostile, ID: "https://evil.example/a?b=c#d", Known: "registered"}
	return s
}

func sampleAdmin() map[string]pages.View {
	person := pages.Person{ID: "corp|alice", Email: "alice@example.com", Tenant: "acme", Roles: []string{"manager"}, Operator: true, Disabled: true, Provider: "corp", CreatedAt: now}
	agent := pages.OAuthClient{Agent: pages.Agent{Name: hostile, ID: "https://evil.example/a?b=c#d", Known: "domain", Host: "evil.example"}, Kind: "agent", Redirects: []string{"https://evil.example/cb"}, CreatedAt: now, LastUsedAt: now}
	tied := pages.Tied{Sessions: []pages.AgentSession{sampleSession(), hostileSession()}, More: true}
	search := pages.Search{Text: `"><script>`, State: "working", Next: "/admin/sessions?cursor=x"}
	return map[string]pages.View{
		"people":         pages.People{Search: search, Tenant: "acme", People: []pages.Person{person}},
		"people-none":    pages.People{Search: pages.Search{Next: "/admin/people?cursor=x"}},
		"person":         pages.OnePerson{Person: person, Tied: tied, Tokens: sampleTokens().Tokens, MoreTokens: true, Done: "end"},
		"clients":        pages.Clients{Search: search, Tenant: "acme", Clients: []pages.OAuthClient{agent}},
		"client":         pages.OneClient{Client: agent, Tied: tied, Tenant: "acme"},
		"sessions":       pages.Sessions{Search: search, Subject: "alice", Client: agent.Agent.ID, Sessions: tied.Sessions},
		"session":        pages.OneSession{Session: hostileSession(), ClientKnown: true},
		"session-stale":  pages.OneSession{Session: sampleSession(), SignInAgain: "/login?next=%2Fadmin", Done: "end"},
		"ending-person":  pages.Ending{Action: "/admin/people/alice", What: pages.Ended{Kind: "person", Name: "alice"}},
		"ending-client":  pages.Ending{Action: "/admin/clients/x", What: pages.Ended{Kind: "client", Name: hostile, Tenant: "acme"}},
		"ending-token":   pages.Ending{Action: "/admin/people/alice", What: pages.Ended{Kind: "token", Name: hostile, Subject: "alice", Token: "tok_1"}},
		"ending-session": pages.Ending{Action: "/admin/sessions/ses_1", What: pages.Ended{Kind: "session", Name: "Cursor", Subject: "alice"}},
	}
}

func TestNamesOnPagesForOperatorsAreText(t *testing.T) {
	for name, view := range sampleAdmin() {
		p := render(t, view)
		if strings.ContainsAny(p.text, "\u202e\u200b") || len(p.all("b", "", "")) != 0 {
			t.Errorf("%s: what can't be seen, or markup, came through", name)
		}
	}
	p := render(t, sampleAdmin()["session"])
	p.wantWords("Claude⟨U+202E⟩ edoC</title><b>verified</b>", "unverified: it gave itself this name")
	p.one("a", "href", "/admin/clients/https:%2F%2Fevil.example%2Fa%3Fb=c%23d")
	p.one("a", "href", "/admin/people/corp%7Calice")
}

func TestEndingAsksAndBeginsAtTheSafeChoice(t *testing.T) {
	p := render(t, sampleAdmin()["ending-client"])
	p.wantWords("End everything that Claude⟨U+202E⟩", "was given in acme?")
	if back := p.one("a", "autofocus", ""); attr(back, "href") != "/admin/clients/x" {
		t.Errorf("the focus is on %q, want the way back", attr(back, "href"))
	}
	stale := render(t, sampleAdmin()["session-stale"])
	stale.wantWords("needs a fresh sign-in")
	if got := len(stale.all("button", "value", "end")); got != 0 {
		t.Errorf("got %d buttons that would be refused", got)
	}
}

func TestOnlyOperatorsAreShownTheWayToTheirPages(t *testing.T) {
	for _, operator := range []bool{true, false} {
		f := frame()
		f.Operator = operator
		var b strings.Builder
		if err := pages.Render(&b, f, sampleAgents()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), `href="/admin/people"`); got != operator {
			t.Errorf("operator %t: got a way to the pages %t", operator, got)
		}
	}
}
