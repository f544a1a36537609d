package approval_test

import (
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
)

func TestAnOperatorsYesToADefinitionResumesWhatWaits(t *testing.T) {
	d := newDesk(t)
	accepted, later := ostiary.Digest{9}, ostiary.Digest{10}
	decide := func(n int, a approval.Answer) approval.Request {
		r, err := d.Decide(t.Context(), d.open(t, n, rule(nil)).ID, d.person("alice"), a, fresh)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	session := decide(1, yes)
	once := decide(2, approval.Answer{Decision: "approve", Scope: approval.Once})
	no := decide(3, approval.Answer{Decision: "block"})
	if err := d.ToolChanged(t.Context(), tool.ID, accepted); err != nil {
		t.Fatal(err)
	}
	if err := d.DefinitionAccepted(t.Context(), tool.ID, accepted, "root"); err != nil {
		t.Fatal(err)
	}
	want := map[string]approval.State{session.GrantID: approval.StateApproved, once.GrantID: approval.StateRevoked, no.GrantID: approval.StateDenied}
	for id, state := range want {
		if g, err := d.Grant(t.Context(), id); err != nil || g.State != state {
			t.Errorf("%s: got %s, %v; want %s", id, g.State, err, state)
		}
	}
	if g, _ := d.Grant(t.Context(), session.GrantID); g.ToolDigest != accepted || g.ToolDigest == later {
		t.Errorf("got it for %s; want it for the accepted definition", g.ToolDigest)
	}
	all := d.events(t)
	if last := all[len(all)-1]; last != "grant resumed" {
		t.Errorf("got %q last; want it recorded", last)
	}
}
