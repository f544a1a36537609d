package approval_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

func timed(d time.Duration) approval.Answer {
	return approval.Answer{Decision: approval.Approve, Scope: approval.TimeLimited, TTL: d}
}

func TestATimeIsSaidInWholeSeconds(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(nil))
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), timed(999*time.Millisecond), fresh); !errors.Is(err, approval.ErrTTLMissing) {
		t.Errorf("less than a second: got %v; want ErrTTLMissing: it would never end", err)
	}
	r, err := d.Decide(t.Context(), r.ID, d.person("alice"), timed(1999*time.Millisecond), fresh)
	if err != nil {
		t.Fatal(err)
	}
	g, err := d.Grant(t.Context(), r.GrantID)
	if want := d.clock.Now().Add(time.Second); err != nil || g.ExpiresAt == nil || !g.ExpiresAt.Equal(want) {
		t.Errorf("got an end at %v, %v; want %v, never later than was said", g.ExpiresAt, err, want)
	}
}

func TestTheShortestTimeThatAnApproverSaidHolds(t *testing.T) {
	two := rule(func(p *policy.Approval) {
		p.Approvers = policy.Approvers{Roles: []string{"approver"}, Min: 2}
	})
	for _, other := range []approval.Scope{approval.Once, approval.Session, approval.TimeLimited} {
		t.Run(string(other), func(t *testing.T) {
			d := newDesk(t)
			r := d.open(t, 1, two)
			answers := []approval.Answer{timed(time.Minute), {Decision: approval.Approve, Scope: other, TTL: time.Hour}}
			for i, who := range []ostiary.Subject{"bob", "carol"} {
				var err error
				if r, err = d.Decide(t.Context(), r.ID, d.person(who, "approver"), answers[i], fresh); err != nil {
					t.Fatal(err)
				}
			}
			g, err := d.Grant(t.Context(), r.GrantID)
			if want := d.clock.Now().Add(time.Minute); err != nil || g.Scope != other || g.ExpiresAt == nil || !g.ExpiresAt.Equal(want) {
				t.Errorf("got scope %s until %v, %v; want %s until %v", g.Scope, g.ExpiresAt, err, other, want)
			}
		})
	}
}

// ask is what a call of alice's wants a yes for, in a site.
func (d *desk) ask(t *testing.T, n string, session ostiary.SessionID, site ostiary.Site) approval.Ask {
	t.Helper()
	args := []byte(`{"id":` + n + `}`)
	digest, err := ostiary.ArgumentsDigest(args)
	if err != nil {
		t.Fatal(err)
	}
	p := &ostiary.Principal{Subject: "alice", Tenant: "acme", Session: session, Client: ostiary.Client{ID: "personal"}}
	c := &ostiary.Call{Principal: p, Tool: tool, Arguments: ostiary.Arguments{Raw: args}, Time: d.clock.Now()}
	return approval.Ask{Call: c, Gate: "approval", Site: site, Digest: digest}
}

func (d *desk) deny(t *testing.T, a approval.Ask, decision string) {
	t.Helper()
	r, _, err := d.Open(t.Context(), a, rule(nil), nil)
	if err == nil {
		_, err = d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: decision}, fresh)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhereANoHolds(t *testing.T) {
	type where struct {
		args    string
		session ostiary.SessionID
		site    ostiary.Site
	}
	for name, c := range map[string]struct {
		decision string
		said, at where
		want     bool
	}{
		"the same call": {"deny", where{"1", "ses_1", "a"}, where{"1", "ses_1", "a"}, true},
		"the same call, the tool has no sites any more": {"deny", where{"1", "ses_1", "a"}, where{"1", "ses_1", ""}, true},
		"other arguments":                               {"deny", where{"1", "ses_1", "a"}, where{"2", "ses_1", "a"}, false},
		"another session":                               {"deny", where{"1", "ses_1", "a"}, where{"1", "ses_2", "a"}, false},
		"blocked, other arguments and session":          {"block", where{"1", "ses_1", "a"}, where{"2", "ses_2", "a"}, true},
		"blocked in another site":                       {"block", where{"1", "ses_1", "a"}, where{"1", "ses_1", "b"}, false},
		"blocked before the tool had sites":             {"block", where{"1", "ses_1", ""}, where{"2", "ses_1", "b"}, true},
		"blocked in a site, the tool has none any more": {"block", where{"1", "ses_1", "a"}, where{"2", "ses_1", ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.deny(t, d.ask(t, c.said.args, c.said.session, c.said.site), c.decision)
			st, err := d.Standing(t.Context(), d.ask(t, c.at.args, c.at.session, c.at.site))
			if err != nil || (st.Denial != nil) != c.want {
				t.Errorf("got denied %v, %v; want %v", st.Denial != nil, err, c.want)
			}
		})
	}
}

func TestAYesOfOneSessionIsNoOtherPersonsAndNobodysWithoutASession(t *testing.T) {
	for _, scope := range []approval.Scope{approval.Once, approval.Session} {
		d := newDesk(t)
		r, _, err := d.Open(t.Context(), d.ask(t, "1", "", ""), rule(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: "approve", Scope: scope}, fresh); err != nil {
			t.Fatal(err)
		}
		if st, err := d.Standing(t.Context(), d.ask(t, "1", "", "")); err != nil || st.Grant != nil {
			t.Errorf("%s: a call of no session found a session's yes: %+v, %v", scope, st.Grant, err)
		}
	}
}

func TestEqualCallsOfTwoTenantsNeverMeet(t *testing.T) {
	d := newDesk(t)
	a := d.ask(t, "1", "ses_1", "")
	here, _, err := d.Open(t.Context(), a, rule(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	moved := *a.Call.Principal
	moved.Tenant = "other"
	a.Call.Principal = &moved
	there, _, err := d.Open(t.Context(), a, rule(nil), nil)
	if err != nil || there.ID == here.ID || there.Tenant != "other" {
		t.Errorf("got request %s of tenant %s, %v; want one of the tenant's own", there.ID, there.Tenant, err)
	}
}

func TestWhatIsNoToolHasNoDefinitionToShow(t *testing.T) {
	d := newDesk(t)
	a := d.ask(t, "1", "ses_1", "")
	a.Call.Tool = &ostiary.Tool{ID: "crm:@resources/file:///a", App: "crm", Definition: []byte(`{"uri":"file:///a"}`)}
	if _, _, err := d.Open(t.Context(), a, rule(nil), nil); err != nil {
		t.Fatal(err)
	}
	if raw, err := d.Definition(t.Context(), ostiary.Digest{}); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("got %s, %v; want ErrNotFound: every resource would show this one's", raw, err)
	}
}

func TestARequestEndsWithItsToolsDefinition(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(nil))
	if err := d.ToolChanged(t.Context(), tool.ID, tool.Digest); err != nil {
		t.Fatal(err)
	}
	if now, err := d.Request(t.Context(), r.ID); err != nil || now.Status != approval.Pending {
		t.Errorf("nothing changed: got %s, %v; want pending", now.Status, err)
	}
	if err := d.ToolChanged(t.Context(), tool.ID, ostiary.Digest{9}); err != nil {
		t.Fatal(err)
	}
	if now, err := d.Request(t.Context(), r.ID); err != nil || now.Status != approval.Expired {
		t.Errorf("got %s, %v; want expired", now.Status, err)
	}
}

// TestARequestShowsTheDifferenceWheneverAYesToItResumes: a grant that does
// not fit the call is resumed with the others, so its approver has to see
// what changed.
func TestARequestShowsTheDifferenceWheneverAYesToItResumes(t *testing.T) {
	d := newDesk(t)
	first := d.ask(t, "1", "ses_1", "")
	r, _, err := d.Open(t.Context(), first, rule(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh); err != nil {
		t.Fatal(err)
	}
	changed := *tool
	changed.Digest = ostiary.Digest{9}
	elsewhere := d.ask(t, "1", "ses_2", "")
	elsewhere.Call.Tool = &changed
	elsewhere.Call.Principal.Epochs, err = d.epochs.Of(t.Context(), store.EpochsOf(elsewhere.Call.Principal))
	if err != nil {
		t.Fatal(err)
	}
	st, err := d.Standing(t.Context(), elsewhere)
	if err != nil || st.Grant != nil || st.Suspended == nil || st.Suspended.ToolDigest != tool.Digest {
		t.Errorf("got %+v, %v; want the grant of the other session shown as waiting", st, err)
	}
}

func TestTheEndOfOneRequestLeavesItsSuccessorFound(t *testing.T) {
	d := newDesk(t)
	d.open(t, 1, rule(nil))
	d.clock.Move(15 * time.Minute)
	next := d.open(t, 1, rule(nil))
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := d.open(t, 1, rule(nil)); again.ID != next.ID {
		t.Errorf("got request %s beside %s: two wait for the same call", again.ID, next.ID)
	}
}
