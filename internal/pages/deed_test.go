package pages_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/pages"
)

func sampleDeeds() []pages.Deed {
	return []pages.Deed{
		{At: now.Add(-time.Minute), What: "ok", Agent: "Claude Code", Tool: "crm:search", Times: 3},
		{At: now.Add(-time.Hour), What: "held", Agent: "Cursor\u202e<b>x</b>", Tool: "crm:delete_contact", Reason: "approval_required"},
		{At: now.Add(-2 * time.Hour), What: "skill loaded", Plain: "bob: skill loaded"},
	}
}

func TestDeedsAreTold(t *testing.T) {
	for want, d := range map[string]pages.Deed{
		"“Claude Code” used “crm:search”.":                                        {What: "ok", Agent: "Claude Code", Tool: "crm:search"},
		"An agent used “crm:search”, which answered with an error.":               {What: "error", Tool: "crm:search"},
		"“Claude Code” called “crm:pay”; whether it was done is not known.":       {What: "unknown", Agent: "Claude Code", Tool: "crm:pay"},
		"“Claude Code” asked for “crm:pay”, which needs a yes.":                   {What: "held", Agent: "Claude Code", Tool: "crm:pay", Reason: "approval_required"},
		"“Claude Code” was refused “crm:pay”: its tier is too low.":               {What: "refused", Agent: "Claude Code", Tool: "crm:pay", Reason: "insufficient_scope"},
		"“Claude Code” was refused “crm:pay”.":                                    {What: "refused", Agent: "Claude Code", Tool: "crm:pay", Reason: "of tomorrow"},
		"You made the personal token “laptop”.":                                   {What: "token created", Name: "laptop"},
		"“Claude Code” was cut off: “ended by its person”.":                       {What: "session revoked", Agent: "Claude Code", Reason: "ended by its person"},
		"“alice: admin everything_revoked all=false client= subject=bob tenant=”": {What: "admin everything_revoked", Plain: "alice: admin everything_revoked all=false client= subject=bob tenant="},
	} {
		if got := d.Sentence().String(); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}
