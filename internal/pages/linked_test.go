package pages_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/pages"
)

func sampleLinked() pages.LinkedAccounts {
	return pages.LinkedAccounts{
		Person: "alice@example.com", Next: "/oauth/consent/ask_1/mcp", Agent: pages.Agent{Name: "Claude Code"}, Problem: "linked",
		Accounts: []pages.LinkedAccount{
			{ID: "corp", Name: "Corporate login", Required: true, Names: true},
			{ID: "hub", Name: "Hub", Required: true},
			{ID: "lab", Name: "Lab", As: "alice@lab.example\u202e<b>"},
		},
	}
}

func TestWhatIsRequiredIsLinkedBeforeOneGoesOn(t *testing.T) {
	l := sampleLinked()
	p := render(t, l)
	p.wantWords("You sign in here through it.", "You are alice@lab.example⟨U+202E⟩", "required", "Those that are required come before")
	p.one("a", "href", "/login?link=1&next=%2Foauth%2Fconsent%2Fask_1%2Fmcp&provider=hub")
	if strings.Contains(p.words(), "Go on") || len(p.all("input", "name", "provider")) != 1 {
		t.Error("one may go on without it, or unlink what isn't linked")
	}
	l.Accounts[1].Required = false
	p = render(t, l)
	p.wantWords("Go on to connect Claude Code", "optional")
	p.one("a", "href", l.Next)
}
