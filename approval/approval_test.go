package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

// events writes what happened where a test can read it.
type events struct{ db *store.DB }

func (events) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: "test1", Line: func(uint64) ([]byte, error) { return line, err }})
}

type desk struct {
	*approval.Service
	clock  *storetest.Clock
	db     *store.DB
	epochs *store.Epochs
}

const fresh = 5 * time.Minute

func newDesk(t *testing.T) *desk {
	t.Helper()
	c := storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
	db, err := store.Open(t.Context(), memory.Open(c), store.NewKeyring(c), c)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{clock: c, db: db, epochs: store.NewEpochs(db)}
	d.Service = approval.New(db, d.epochs, events{db}, approval.Config{RequestTTL: 15 * time.Minute, MaxPending: 3, Retention: 90 * 24 * time.Hour})
	return d
}

func (d *desk) events(t *testing.T) []string {
	t.Helper()
	var out []string
	for e, err := range d.db.Entries(t.Context(), "test1", 0) {
		var entry audit.Entry
		if err := errors.Join(err, json.Unmarshal(e.Line, &entry)); err != nil {
			t.Fatal(err)
		}
		out = append(out, string(entry.Kind)+" "+entry.Event)
	}
	return out
}

var tool = &ostiary.Tool{ID: "crm:delete_contact", App: "crm", Digest: ostiary.Digest{1}, Definition: []byte(`{"name":"delete_contact"}`)}

func rule(edit func(*policy.Approval)) *policy.Rule {
	r := &policy.Rule{Approval: policy.Approval{
		Required: true, DefaultScope: "session", Scopes: []string{"once", "session", "time_limited"}, MaxTTL: time.Hour, Risk: policy.RiskMedium,
	}}
	if edit != nil {
		edit(&r.Approval)
	}
	return r
}

// open asks for a yes for alice with arguments made of n.
func (d *desk) open(t *testing.T, n int, r *policy.Rule) approval.Request {
	t.Helper()
	req, err := d.tryOpen(t.Context(), n, r)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return req
}

func (d *desk) tryOpen(ctx context.Context, n int, r *policy.Rule) (approval.Request, error) {
	args := fmt.Appendf(nil, `{"id":%d}`, n)
	digest, err := ostiary.ArgumentsDigest(args)
	if err != nil {
		return approval.Request{}, err
	}
	p := &ostiary.Principal{Subject: "alice", Tenant: "acme", Session: "ses_1", Client: ostiary.Client{ID: "personal"}}
	c := &ostiary.Call{Principal: p, Tool: tool, Arguments: ostiary.Arguments{Raw: args}, Time: d.clock.Now()}
	req, _, err := d.Open(ctx, approval.Ask{Call: c, Gate: "approval", Digest: digest}, r, nil)
	return req, err
}

func (d *desk) person(id ostiary.Subject, roles ...string) approval.Decider {
	return approval.Decider{Subject: id, Tenant: "acme", Roles: roles, SignedInAt: d.clock.Now()}
}

var yes = approval.Answer{Decision: approval.Approve}

func TestWhoMayDecide(t *testing.T) {
	named := func(a policy.Approvers) *policy.Rule {
		return rule(func(p *policy.Approval) { p.Approvers = a })
	}
	own := rule(nil)
	byRole := named(policy.Approvers{Roles: []string{"approver"}})
	byRoleOrSelf := named(policy.Approvers{Roles: []string{"approver"}, AllowSelf: true})
	byName := named(policy.Approvers{Users: []string{"bob"}})
	elsewhere := func(d approval.Decider) approval.Decider { d.Tenant = "other"; return d }
	operator := func(d approval.Decider) approval.Decider { d.Admin = true; return d }
	for name, c := range map[string]struct {
		rule *policy.Rule
		who  func(*desk) approval.Decider
		want error
	}{
		"the asking person for themself":          {own, func(d *desk) approval.Decider { return d.person("alice") }, nil},
		"somebody else":                           {own, func(d *desk) approval.Decider { return d.person("bob", "approver") }, approval.ErrNotFound},
		"a name that differs in case":             {own, func(d *desk) approval.Decider { return d.person("Alice") }, approval.ErrNotFound},
		"an operator who is not named":            {own, func(d *desk) approval.Decider { return operator(d.person("root")) }, approval.ErrNotApprover},
		"nobody":                                  {own, func(*desk) approval.Decider { return approval.Decider{Tenant: "acme"} }, approval.ErrNotFound},
		"the same name in another tenant":         {own, func(d *desk) approval.Decider { return elsewhere(d.person("alice")) }, approval.ErrNotFound},
		"by role":                                 {byRole, func(d *desk) approval.Decider { return d.person("bob", "approver") }, nil},
		"by role in another tenant":               {byRole, func(d *desk) approval.Decider { return elsewhere(d.person("bob", "approver")) }, approval.ErrNotFound},
		"another role":                            {byRole, func(d *desk) approval.Decider { return d.person("bob", "approvers") }, approval.ErrNotFound},
		"the asking person, others are named":     {byRole, func(d *desk) approval.Decider { return d.person("alice") }, approval.ErrNotApprover},
		"the asking person with the role":         {byRole, func(d *desk) approval.Decider { return d.person("alice", "approver") }, approval.ErrSelfApproval},
		"the asking person where that is allowed": {byRoleOrSelf, func(d *desk) approval.Decider { return d.person("alice", "approver") }, nil},
		"by name": {byName, func(d *desk) approval.Decider { return d.person("bob") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			r := d.open(t, 1, c.rule)
			got, err := d.Decide(t.Context(), r.ID, c.who(d), yes, fresh)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v; want %v", err, c.want)
			}
			if err == nil && got.Status != approval.Approved {
				t.Errorf("got status %s", got.Status)
			}
			if now, _ := d.Request(t.Context(), r.ID); err != nil && now.Status != approval.Pending {
				t.Errorf("a refused answer left the request %s", now.Status)
			}
		})
	}
}

func TestAnAnswerStaysWithinItsLimits(t *testing.T) {
	for name, c := range map[string]struct {
		answer approval.Answer
		want   error
	}{
		"the default":              {yes, nil},
		"an offered scope":         {approval.Answer{Decision: "approve", Scope: "once"}, nil},
		"a scope not offered":      {approval.Answer{Decision: "approve", Scope: "user"}, approval.ErrScope},
		"no scope at all":          {approval.Answer{Decision: "approve", Scope: "Session"}, approval.ErrScope},
		"a time":                   {approval.Answer{Decision: "approve", Scope: "time_limited", TTL: time.Hour}, nil},
		"a time too long":          {approval.Answer{Decision: "approve", Scope: "time_limited", TTL: time.Hour + 1}, approval.ErrTTL},
		"no time":                  {approval.Answer{Decision: "approve", Scope: "time_limited"}, approval.ErrTTLMissing},
		"a time below zero":        {approval.Answer{Decision: "approve", Scope: "time_limited", TTL: -1}, approval.ErrTTLMissing},
		"no decision":              {approval.Answer{Scope: "once"}, approval.ErrAnswer},
		"a decision in other case": {approval.Answer{Decision: "Approve"}, approval.ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if _, err := d.Decide(t.Context(), d.open(t, 1, rule(nil)).ID, d.person("alice"), c.answer, fresh); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
}

func TestASeriousYesNeedsAFreshSignIn(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(func(p *policy.Approval) { p.Risk = policy.RiskHigh }))
	alice := d.person("alice")
	d.clock.Move(fresh + time.Second)
	if _, err := d.Decide(t.Context(), r.ID, alice, yes, fresh); !errors.Is(err, approval.ErrReauthenticate) {
		t.Errorf("got %v; want ErrReauthenticate", err)
	}
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh); err != nil {
		t.Errorf("a fresh sign-in: %v", err)
	}
}

func TestTheFirstDecisionWinsAndALaterOneIsRecorded(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(nil))
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: approval.Deny}, fresh); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("got %v; want ErrDecided", err)
	}
	all := d.events(t)
	if last := all[len(all)-1]; last != "approval late_answer" {
		t.Errorf("got %q last; want the late answer recorded", last)
	}
}

func TestOfManyAnswersAtOnceOneWins(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(func(p *policy.Approval) {
		p.Approvers = policy.Approvers{Roles: []string{"approver"}}
	}))
	var wg sync.WaitGroup
	won := make(chan string, 20)
	for i := range 20 {
		wg.Go(func() {
			a := approval.Answer{Decision: []string{approval.Approve, approval.Deny}[i%2]}
			_, err := d.Decide(t.Context(), r.ID, d.person(ostiary.Subject(fmt.Sprint("p", i)), "approver"), a, fresh)
			switch {
			case err == nil:
				won <- a.Decision
			case !errors.Is(err, approval.ErrDecided):
				t.Errorf("a losing answer: %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d answers won", len(won))
	}
	now, err := d.Request(t.Context(), r.ID)
	if want := map[string]approval.Status{"approve": approval.Approved, "deny": approval.Denied}[<-won]; err != nil || now.Status != want {
		t.Errorf("got %s, %v; want %s", now.Status, err, want)
	}
}

func TestTwoYesesMustBeOfTwoPeople(t *testing.T) {
	d := newDesk(t)
	two := rule(func(p *policy.Approval) {
		p.Approvers = policy.Approvers{Roles: []string{"approver"}, Min: 2}
	})
	r := d.open(t, 1, two)
	bob, carol := d.person("bob", "approver"), d.person("carol", "approver")
	r, err := d.Decide(t.Context(), r.ID, bob, approval.Answer{Decision: "approve", Scope: "session"}, fresh)
	if err != nil || r.Status != approval.Pending {
		t.Fatalf("after one yes: got %s, %v; want pending", r.Status, err)
	}
	if _, err := d.Decide(t.Context(), r.ID, bob, yes, fresh); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("the same person again: got %v; want ErrDecided", err)
	}
	r, err = d.Decide(t.Context(), r.ID, carol, approval.Answer{Decision: "approve", Scope: "once"}, fresh)
	if err != nil || r.Status != approval.Approved {
		t.Fatalf("after two: got %s, %v; want approved", r.Status, err)
	}
	g, err := d.Grant(t.Context(), r.GrantID)
	if err != nil || g.Scope != approval.Once || len(g.Chain) != 2 {
		t.Errorf("got scope %s and %d approvers, %v; want the narrower scope and both", g.Scope, len(g.Chain), err)
	}
	other := d.open(t, 2, two)
	if _, err := d.Decide(t.Context(), other.ID, bob, yes, fresh); err != nil {
		t.Fatal(err)
	}
	if other, err = d.Decide(t.Context(), other.ID, carol, approval.Answer{Decision: "deny"}, fresh); err != nil || other.Status != approval.Denied {
		t.Errorf("one no: got %s, %v; want denied", other.Status, err)
	}
}

func TestSilenceIsNeverConsent(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(nil))
	d.clock.Move(15 * time.Minute)
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh); !errors.Is(err, approval.ErrExpired) {
		t.Errorf("got %v; want ErrExpired", err)
	}
	if again := d.open(t, 1, rule(nil)); again.ID == r.ID {
		t.Error("a later call attached to the request that is over")
	}
}

func TestEqualCallsMeetAtOneRequest(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		wg.Go(func() {
			r, err := d.tryOpen(t.Context(), 1, rule(nil))
			if err != nil {
				t.Errorf("open: %v", err)
			}
			ids[i] = r.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("equal calls made several requests: %v", ids)
		}
	}
	if other := d.open(t, 2, rule(nil)); other.ID == ids[0] {
		t.Error("other arguments attached to the same request")
	}
}

func TestNoMoreThanTheAllowedNumberWaits(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	results := make(chan error, 20)
	for n := range 20 {
		wg.Go(func() {
			_, err := d.tryOpen(t.Context(), n, rule(nil))
			results <- err
		})
	}
	wg.Wait()
	close(results)
	opened := 0
	for err := range results {
		switch {
		case err == nil:
			opened++
		case !errors.Is(err, approval.ErrTooMany):
			t.Errorf("got %v; want ErrTooMany", err)
		}
	}
	if opened != 3 {
		t.Errorf("%d requests wait; want 3", opened)
	}
}

func TestTheEndOfASessionEndsWhatLivesWithIt(t *testing.T) {
	d := newDesk(t)
	granted := d.open(t, 1, rule(nil))
	granted, err := d.Decide(t.Context(), granted.ID, d.person("alice"), yes, fresh)
	if err != nil {
		t.Fatal(err)
	}
	waiting := d.open(t, 2, rule(nil))
	var tx store.Tx
	if err := d.EndSession(t.Context(), &tx, "ses_1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if g, err := d.Grant(t.Context(), granted.GrantID); err != nil || g.State != approval.StateRevoked || g.RevokedBy.Source != "session_end" {
		t.Errorf("got grant %s, %v; want it revoked by the end of the session", g.State, err)
	}
	if r, err := d.Request(t.Context(), waiting.ID); err != nil || r.Status != approval.Expired {
		t.Errorf("got request %s, %v; want it expired", r.Status, err)
	}
}

func TestListsShowWhatOneMaySee(t *testing.T) {
	d := newDesk(t)
	own := d.open(t, 1, rule(nil))
	bobs := d.open(t, 2, rule(func(p *policy.Approval) { p.Approvers = policy.Approvers{Users: []string{"bob"}} }))
	for name, c := range map[string]struct {
		who  approval.Decider
		want []string
	}{
		"the asking person":            {d.person("alice"), []string{bobs.ID, own.ID}},
		"who is named for one":         {d.person("bob"), []string{bobs.ID}},
		"a stranger":                   {d.person("carol"), nil},
		"an operator of the tenant":    {approval.Decider{Subject: "root", Tenant: "acme", Admin: true}, []string{bobs.ID, own.ID}},
		"an operator of all":           {approval.Decider{Subject: "root", Admin: true}, []string{bobs.ID, own.ID}},
		"an operator of another":       {approval.Decider{Subject: "root", Tenant: "other", Admin: true}, nil},
		"a namesake in another tenant": {approval.Decider{Subject: "bob", Tenant: "other"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			all, _, err := d.Requests(t.Context(), c.who, approval.Pending, 100, "")
			var got []string
			for _, r := range all {
				got = append(got, r.ID)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestASweptGrantSaysThatItExpired(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 1, rule(nil))
	r, err := d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: "approve", Scope: "time_limited", TTL: time.Minute}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	d.clock.Move(59 * time.Second)
	if g, err := d.Grant(t.Context(), r.GrantID); err != nil || g.State != approval.StateApproved {
		t.Errorf("a second before its end: got %s, %v", g.State, err)
	}
	d.clock.Move(time.Second)
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g, err := d.Grant(t.Context(), r.GrantID); err != nil || g.State != approval.StateExpired || g.RevokedBy == nil || g.RevokedBy.Source != "expiry" {
		t.Errorf("at its end: got %+v, %v; want expired by expiry", g, err)
	}
}
