package approval_test

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
)

// TestAVoteCountsWhileItsVoterMayVote: two people have to say yes; the first
// is disabled, or loses the role, before the second does.
func TestAVoteCountsWhileItsVoterMayVote(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile approval.Decider // what bob may decide when carol answers
		want      approval.Status
	}{
		"nothing changed": {approval.Decider{Subject: "bob", Tenant: "acme", Roles: []string{"approver"}}, approval.Approved},
		"disabled":        {approval.Decider{}, approval.Pending},
		"lost the role":   {approval.Decider{Subject: "bob", Tenant: "acme"}, approval.Pending},
		"another tenant":  {approval.Decider{Subject: "bob", Tenant: "evil", Roles: []string{"approver"}}, approval.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			people := map[ostiary.Subject]approval.Decider{}
			d.Service = approval.New(d.db, d.epochs, events{d.db}, approval.Config{
				RequestTTL: 15 * time.Minute, MaxPending: 3, Retention: time.Hour,
				Person: func(_ context.Context, id ostiary.Subject) (approval.Decider, error) { return people[id], nil },
			})
			r := d.open(t, 1, rule(func(p *policy.Approval) {
				p.Approvers = policy.Approvers{Roles: []string{"approver"}, Min: 2}
			}))
			vote := func(id ostiary.Subject) approval.Request {
				t.Helper()
				r, err := d.Decide(t.Context(), r.ID, d.person(id, "approver"), yes, fresh)
				if err != nil {
					t.Fatal(err)
				}
				people[id] = d.person(id, "approver")
				return r
			}
			vote("bob")
			people["bob"] = c.meanwhile
			if got := vote("carol"); got.Status != c.want {
				t.Errorf("got %s after carol's yes, want %s", got.Status, c.want)
			}
			if c.want == approval.Pending {
				if got := vote("dave"); got.Status != approval.Approved || len(got.Decisions) != 2 {
					t.Errorf("got %s with %d votes after another's yes, want it approved by two", got.Status, len(got.Decisions))
				}
			}
		})
	}
}
