package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/pages"
)

func sampleConsent() pages.Consent {
	return pages.Consent{
		Action: "/oauth/consent/prq_1/mcp", Agent: pages.Agent{Name: "Claude Code", ID: "https://claude.ai/x", Host: "claude.ai", Known: "domain", Unproven: true},
		Returns: pages.Returns{Loopback: true}, Message: "Ask the data team before you open Slack.", Person: "alice@example.com", Tier: "read", MaxTier: "write",
		AllowSkip: true, Sites: []string{"site-A"}, End: 2160 * time.Hour, MaxEnd: 8760 * time.Hour, Admin: true,
		Apps: []pages.ConsentApp{
			{
				Choosable: pages.Choosable{ID: "crm", Name: "CRM"}, Description: "Customer records", State: "pending",
				Groups: []pages.ToolGroup{
					{Kind: "read", Tools: []pages.ConsentTool{{Choosable: pages.Choosable{ID: "crm:get", Name: "get"}, Description: "Reads one.", Had: true}}},
					{Kind: "destructive", Tools: []pages.ConsentTool{{Choosable: pages.Choosable{ID: "crm:delete", Name: "delete"}, Scopes: []string{"crm:write"}}}},
				},
			},
			{Choosable: pages.Choosable{ID: "slack", Name: "Slack"}, State: "skipped", Skipped: true},
		},
	}
}

func sampleAgain() pages.Again {
	return pages.Again{
		Action: "/oauth/consent/prq_1/mcp", Agent: pages.Agent{Name: "Code\u202e<b>", ID: "https://vscode.dev/x", Host: "vscode.dev", Known: "domain"},
		Returns: pages.Returns{Host: "vscode.dev"}, Person: "alice@example.com", Tier: "read", Skip: []string{"slack"}, Seconds: 3600, Ends: now.Add(time.Hour),
		Apps: []pages.AgainApp{{ID: "crm", Name: "CRM", Tools: []string{"crm:*"}}, {ID: "notes", Tools: []string{"notes:add", "notes:list"}}},
	}
}

func TestTheShortPageGivesWhatItSaysAndHasNothingToChoose(t *testing.T) {
	p := render(t, sampleAgain())
	p.wantWords("verified: vscode.dev", "returns to vscode.dev", "alice@example.com", "CRM", "crm:*", "notes:add, notes:list", "⟨U+202E⟩")
	if n := len(p.all("input", "type", "checkbox")) + len(p.all("input", "type", "radio")) + len(p.all("select", "", "")); n != 0 {
		t.Errorf("got %d things to choose", n)
	}
	form := fields(p.one("form", "action", "/oauth/consent/prq_1/mcp"))
	for name, want := range map[string]string{"apps": "crm notes", "tools": "crm:* notes:add notes:list", "skip": "slack", "tier": "read", "expires": "3600", "remember": "1"} {
		if got := strings.Join(form[name], " "); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
	if !has(p.one("button", "value", "deny"), "autofocus") {
		t.Error("the safe choice has not the focus")
	}
	p.one("a", "href", "/oauth/consent/prq_1/mcp?choose=1")
}

func TestRememberingIsOfferedWhereItIsPossibleAndNeverTicked(t *testing.T) {
	c := sampleConsent()
	if n := len(render(t, c).all("input", "name", "remember")); n != 0 {
		t.Error("it is offered where nothing is remembered")
	}
	c.Remembers = true
	if p := render(t, c); has(p.one("input", "name", "remember"), "checked") {
		t.Error("it is ticked")
	}
}

func TestWhatIsNewSinceLastTimeIsMarked(t *testing.T) {
	c := sampleConsent()
	if p := render(t, c); strings.Contains(p.words(), "connected this agent before") || strings.Contains(p.words(), "not agreed before") {
		t.Error("everything is new to who never connected it, and nothing has to say so")
	}
	c.Apps[0].State = "authorized"
	p := render(t, c)
	p.wantWords("You have connected this agent before", "get agreed before", "delete not agreed before")
	if got := words(p.one("title", "", "")); got != "Connect Claude Code · Acme" {
		t.Errorf("got the title %q", got)
	}
}

func TestLongWordsOfAgentsAndToolsAreWholeButFolded(t *testing.T) {
	c := hostileConsent()
	c.Apps[0].Groups[0].Tools[0].Description = strings.Repeat("All of it. ", 40)
	p := render(t, c)
	p.wantWords("Its whole name:", "show all 523 characters", "show all 5,028 characters", "show all 440 characters", strings.Repeat("All of it. ", 39))
}

func hostileConsent() pages.Consent {
	c := sampleConsent()
	c.Agent = pages.Agent{Name: "Ostiary\u202e<b>verified</b>" + strings.Repeat("x", 500), ID: `"><script>`, Known: "registered"}
	c.Returns = pages.Returns{Scheme: "cursor"}
	c.Apps[0].Description = "<img src=x onerror=alert(1)>" + strings.Repeat("y", 5000)
	c.Apps[0].Groups[0].Tools[0].Description = "</label><script>alert(1)</script>"
	return c
}

func TestConsentTicksNothingByItself(t *testing.T) {
	p := render(t, sampleConsent())
	for _, box := range p.all("input", "type", "checkbox") {
		if has(box, "checked") && attr(box, "name") != "skip" {
			t.Errorf("%s %s is ticked", attr(box, "name"), attr(box, "value"))
		}
	}
	if len(p.all("input", "name", "tier")) != 2 || !has(p.one("input", "id", "tier-read"), "checked") {
		t.Error("want the tiers up to what was asked for, the least one chosen")
	}
	if !has(p.one("button", "value", "deny"), "autofocus") {
		t.Error("the safe choice has not the focus")
	}
}

func TestConsentSaysWhoAsksAndWhereTheAnswerGoes(t *testing.T) {
	render(t, sampleConsent()).wantWords("Connect Claude Code", "unverified: says it is of claude.ai", "an app on this computer", "Any program on this computer", "alice@example.com",
		"agreed before", "Delete, run or administer", "Let it act with my admin rights")
	c := sampleConsent()
	c.Agent.Unproven, c.Returns = false, pages.Returns{Host: "claude.ai"}
	if p := render(t, c); !strings.Contains(p.words(), " verified: claude.ai") {
		t.Error("a web address of the domain is not said to be verified")
	}
	c = sampleConsent()
	c.Agent.Known = "operator"
	render(t, c).wantWords("unverified: says it is one that the operator set up")
	c.Agent.Known, c.Agent.Unproven, c.Returns, c.Admin, c.AllowSkip = "registered", false, pages.Returns{Host: "vscode.dev"}, false, false
	p := render(t, c)
	p.wantWords("unverified: it gave itself this name", "returns to vscode.dev")
	for _, not := range []string{"Any program on this computer", "admin rights", "Skip it"} {
		if strings.Contains(p.words(), not) {
			t.Errorf("the page says %q", not)
		}
	}
}

func TestWhoSkipsAnAppIsToldWhatIsReadAllTheSame(t *testing.T) {
	const told = "until then the agent can use what only reads"
	c := sampleConsent()
	if p := render(t, c); strings.Contains(p.words(), told) {
		t.Error("the page says so of an app that is closed then")
	}
	c.Apps[1].Reads = true
	render(t, c).wantWords(told)
}

func TestAnAgentsNameIsShownAsText(t *testing.T) {
	p := render(t, hostileConsent())
	if len(p.all("script", "", "")) != 1 || len(p.all("b", "", "")) != 0 || strings.Contains(p.text, "onerror=alert(1)>") {
		t.Error("what an agent or app says became markup")
	}
	p.wantWords("⟨U+202E⟩", "more characters")
}

func TestWithoutToolsOnlyAppsAreChosen(t *testing.T) {
	c := sampleConsent()
	c.NoTools = true
	p := render(t, c)
	if len(p.all("input", "name", "tools")) != 0 || len(p.all("input", "name", "apps")) != 2 {
		t.Error("want apps and no tools")
	}
}

func TestTheWayBackIsALink(t *testing.T) {
	p := render(t, pages.Connected{Agent: pages.Agent{Name: "Cursor"}, To: "cursor://anysphere.cursor-mcp/oauth/callback?code=x&state=y", Yes: true})
	if len(p.all("a", "href", "cursor://anysphere.cursor-mcp/oauth/callback?code=x&state=y")) != 1 {
		t.Errorf("no link back in %s", p.text)
	}
}

func sampleOpen() pages.Open {
	return pages.Open{
		Action: "/oauth/authorize?app=crm", App: sampleConsent().Apps[0], Asked: "mcp:write", Shown: []string{"read", "delete"},
		Agents: []pages.OpenFor{{ConnectedAgent: sampleAgents().Agents[0]}, {ConnectedAgent: sampleAgents().Agents[1], Checked: true}},
	}
}

func TestOpeningAnAppKeepsTheTierUnlessOneIsChosen(t *testing.T) {
	p := render(t, sampleOpen())
	if !has(p.one("input", "id", "tier-same"), "checked") || has(p.one("input", "id", "tier-read"), "checked") {
		t.Error("a tier is chosen by itself")
	}
	p.wantWords("Open CRM for an agent", "A call needed mcp:write", "goes on with the token that it has")
}
