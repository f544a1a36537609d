package approval_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

// A weighed store counts the records that lists give out.
type weighed struct {
	store.Store
	records atomic.Int64
}

func (w *weighed) List(ctx context.Context, q store.Query) (store.Page, error) {
	p, err := w.Store.List(ctx, q)
	w.records.Add(int64(len(p.Records)))
	return p, err
}

// newWeighedDesk is a desk over a storage that counts.
func newWeighedDesk(t *testing.T) (*desk, *weighed) {
	t.Helper()
	c := storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
	w := &weighed{Store: memory.Open(c)}
	db, err := store.Open(t.Context(), w, store.NewKeyring(c), c)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{clock: c, db: db, epochs: store.NewEpochs(db)}
	d.Service = approval.New(db, d.epochs, events{db}, approval.Config{RequestTTL: 15 * time.Minute, Retention: 90 * 24 * time.Hour})
	return d, w
}

func (d *desk) give(t *testing.T, scope approval.Scope, ttl time.Duration) approval.Grant {
	t.Helper()
	r := &policy.Rule{Approval: policy.Approval{Scopes: []string{"user", "time_limited"}, MaxTTL: 100 * 24 * time.Hour}}
	g, err := d.GrantDirect(t.Context(), approval.Direct{Tenant: "acme", Subject: "alice", Tool: tool, Scope: scope, TTL: ttl}, r, d.person("root"), fresh)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (d *desk) state(t *testing.T, id string) string {
	t.Helper()
	g, err := d.Grant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if g.RevokedBy == nil {
		return string(g.State) + ", not written"
	}
	return string(g.State)
}

func TestASweepReadsWhatEndsAndNotWhatStays(t *testing.T) {
	d, w := newWeighedDesk(t)
	for range 50 {
		d.give(t, approval.User, 0)
		d.give(t, approval.TimeLimited, 50*time.Hour)
	}
	soon := d.give(t, approval.TimeLimited, time.Minute)
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.clock.Move(time.Minute)
	w.records.Store(0)
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.state(t, soon.ID); got != "expired" {
		t.Errorf("got %q; want the end written down", got)
	}
	if n := w.records.Load(); n > 5 {
		t.Errorf("the sweep read %d records for the one that ended", n)
	}
}

func TestNoEndIsMissedByASweep(t *testing.T) {
	for name, gap := range map[string]time.Duration{
		"minutes": 2 * time.Minute, "over the hour": 61 * time.Minute, "hours": 7 * time.Hour, "a long sleep": 60 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := newWeighedDesk(t)
			if err := d.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			ends := []approval.Grant{d.give(t, approval.TimeLimited, time.Second), d.give(t, approval.TimeLimited, gap/2), d.give(t, approval.TimeLimited, gap)}
			later := d.give(t, approval.TimeLimited, gap+time.Second)
			d.clock.Move(gap)
			if err := d.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, g := range ends {
				if got := d.state(t, g.ID); got != "expired" {
					t.Errorf("one that ended at %v: got %q", g.ExpiresAt, got)
				}
			}
			if got := d.state(t, later.ID); got != "approved, not written" {
				t.Errorf("one that goes on: got %q", got)
			}
		})
	}
}

func TestTheFirstSweepFindsWhatEndedBeforeTheStart(t *testing.T) {
	d, _ := newWeighedDesk(t)
	g := d.give(t, approval.TimeLimited, time.Hour)
	d.clock.Move(30 * 24 * time.Hour)
	restarted := approval.New(d.db, d.epochs, events{d.db}, approval.Config{RequestTTL: time.Minute, Retention: 90 * 24 * time.Hour})
	if err := restarted.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.state(t, g.ID); got != "expired" {
		t.Errorf("got %q; want expired", got)
	}
}

func TestAnOperatorStandsInForOnePersonAndNotForThemself(t *testing.T) {
	named := policy.Approvers{Roles: []string{"approver"}}
	self := named
	self.AllowSelf = true
	two := self
	two.Min = 2
	for name, c := range map[string]struct {
		approvers policy.Approvers
		risk      policy.Risk
		subject   ostiary.Subject
		signedIn  time.Duration // ago
		want      error
	}{
		"for somebody else":               {named, policy.RiskMedium, "alice", time.Hour, nil},
		"for themself":                    {named, policy.RiskMedium, "root", 0, approval.ErrSelfApproval},
		"for themself where that is said": {self, policy.RiskMedium, "root", 0, nil},
		"for two people":                  {two, policy.RiskMedium, "alice", 0, approval.ErrVotes},
		"high risk, signed in just now":   {named, policy.RiskHigh, "alice", fresh, nil},
		"high risk, signed in long ago":   {named, policy.RiskHigh, "alice", fresh + 1, approval.ErrReauthenticate},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			r := rule(func(p *policy.Approval) { p.Approvers, p.Risk = c.approvers, c.risk })
			root := approval.Decider{Subject: "root", Admin: true, SignedInAt: d.clock.Now().Add(-c.signedIn)}
			grant := approval.Direct{Tenant: "acme", Subject: c.subject, Tool: tool, Scope: approval.TimeLimited, TTL: time.Minute}
			if _, err := d.GrantDirect(t.Context(), grant, r, root, fresh); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
}
