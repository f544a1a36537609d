package pages_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/pages"
)

func sampleAgents() pages.Agents {
	return pages.Agents{Remembered: []pages.RememberedConsent{{
		ID: "rem_1", Agent: pages.Agent{Name: "Code", Known: "domain"}, Origin: "https://vscode.dev", Tier: "read", Apps: []pages.Choosable{{ID: "crm", Name: "CRM"}},
		Tools: []string{"crm:*"}, Given: now.Add(-72 * time.Hour), Ends: now.Add(2000 * time.Hour),
	}}, Done: "revoke", Apps: []pages.Choosable{{ID: "crm", Name: "CRM"}, {ID: "notes"}}, Agents: []pages.ConnectedAgent{
		{
			ID: "ses_1", Agent: pages.Agent{Name: "Claude Code", Known: "domain", Host: "claude.ai"}, Tier: "write", Apps: []pages.Choosable{{ID: "crm", Name: "CRM"}},
			Tools: []string{"crm:*"}, KeepAdmin: true, ConnectedAt: now.Add(-72 * time.Hour), LastUsedAt: now.Add(-time.Hour), ExpiresAt: now.Add(2000 * time.Hour),
		},
		{
			ID: "ses_2", Agent: pages.Agent{Name: "Cursor\u202e<b>x</b>", Known: "registered"}, Tier: "read", ConnectedAt: now.Add(-900 * time.Hour),
			EndedAt: now.Add(-time.Hour), EndReason: "lost laptop",
		},
	}}
}

func TestAnAgentThatIsOverHasNoButtons(t *testing.T) {
	p := render(t, sampleAgents())
	p.wantWords("with your admin rights", "Cut off. It can't call anything any more", "lost laptop", "⟨U+202E⟩")
	if got := len(p.all("input", "value", "ses_2")); got != 0 {
		t.Errorf("got %d forms for an agent that is over", got)
	}
	if got := len(p.all("input", "value", "ses_1")); got != 2 {
		t.Errorf("got %d forms, want one an open app and one to cut off", got)
	}
}
