package gate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

// newOrder is the house's list of gates with 1,000 tool rules and cached
// records, and a call that passes them all.
func newOrder(tb testing.TB) ([]ostiary.Gate, *ostiary.Call) {
	tb.Helper()
	var c policy.Config
	for n := range 1000 {
		c.Entries = append(c.Entries, policy.Entry{Match: fmt.Sprintf("app%d:*", n), Scopes: []string{"x:read"}})
	}
	c.Entries = append(c.Entries, policy.Entry{Match: "crm:*", Scopes: []string{"crm:write"}, Roles: &policy.Roles{Names: []string{"manager"}}})
	c.InferSite = true
	db, err := store.Open(tb.Context(), memory.Open(clock{}), store.NewKeyring(clock{}), clock{})
	if err != nil {
		tb.Fatal(err)
	}
	gates := gate.Order(gate.Config{
		Rules: compile(tb, c), Counters: db,
		Approvals: approval.New(db, store.NewEpochs(db), silent{}, approval.Config{RequestTTL: time.Minute, Retention: time.Hour}),
	})
	one := call(alice(nil), `{"id":"c-17","siteId":"site-A"}`)
	if d := ostiary.Decide(tb.Context(), gates, one); d.Effect != ostiary.Pass {
		tb.Fatalf("got %+v; want a pass", d)
	}
	return gates, one
}

func TestADecisionThatPassesAllocatesNothing(t *testing.T) {
	gates, c := newOrder(t)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { ostiary.Decide(ctx, gates, c) }); n != 0 {
		t.Errorf("got %v allocations a decision; want none", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	gates, c := newOrder(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		ostiary.Decide(ctx, gates, c)
	}
}
