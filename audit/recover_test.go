package audit

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

func statuses(t *testing.T, r *Reader) map[ostiary.CallID][]Status {
	t.Helper()
	all := map[ostiary.CallID][]Status{}
	for _, e := range search(t, r, Query{Kind: KindOutcome, Limit: 1000}) {
		all[e.CallID] = append(all[e.CallID], e.Upstream.Status)
	}
	return all
}

func TestACallThatACrashCutOffEndsAsUnknown(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	commit(t, l, intentOf("cal_done"), intentOf("cal_cut"), outcomeOf("cal_done", StatusOK))
	crash(l)
	for range 2 { // the second time nothing is left to do
		closeLog(t, h.crashing(t, Options{}))
	}
	want := map[ostiary.CallID][]Status{"cal_done": {StatusOK}, "cal_cut": {StatusUnknown}}
	if diff := cmp.Diff(want, statuses(t, NewReader(h.db(t)))); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestTheLogsOfInstancesThatAreGoneAreRecoveredToo(t *testing.T) {
	h := newHouse()
	one, two, three := h.crashing(t, Options{}), h.crashing(t, Options{}), h.crashing(t, Options{})
	commit(t, one, intentOf("cal_1"))
	commit(t, two, intentOf("cal_2"))
	commit(t, three, intentOf("cal_3"))
	crash(one)
	crash(three)
	l := h.log(t, Options{})
	want := map[ostiary.CallID][]Status{"cal_1": {StatusUnknown}, "cal_3": {StatusUnknown}}
	if diff := cmp.Diff(want, statuses(t, l.Reader)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	commit(t, two, outcomeOf("cal_2", StatusOK))
	closeLog(t, two)
	if got := h.log(t, Options{}).held.Load().name; got != "audit-2" {
		t.Errorf("the next instance holds %s, want audit-2", got)
	}
	if got := h.log(t, Options{}).held.Load().name; got != "audit-3" {
		t.Errorf("the one after holds %s, want audit-3: logs that were only looked after are given back", got)
	}
}

func TestAnOutcomeInAnotherLogCounts(t *testing.T) {
	h := newHouse()
	one, two := h.crashing(t, Options{}), h.crashing(t, Options{})
	commit(t, one, intentOf("cal_1"))
	crash(one)
	commit(t, two, outcomeOf("cal_1", StatusOK))
	closeLog(t, two)
	l := h.log(t, Options{})
	if diff := cmp.Diff(map[ostiary.CallID][]Status{"cal_1": {StatusOK}}, statuses(t, l.Reader)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// A countingDriver counts what is read of logs.
type countingDriver struct {
	store.Store
	read *int
}

func (d countingDriver) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range d.Store.Entries(ctx, log, from) {
			*d.read++
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestRecoveryReadsFromTheMarkOnAndNotTheWholeLog(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	for i := range 300 {
		call := ostiary.CallID(fmt.Sprint("cal_", i))
		commit(t, l, intentOf(call), outcomeOf(call, StatusOK))
	}
	commit(t, l, intentOf("cal_cut"))
	if err := l.keeper.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit(t, l, intentOf("cal_cut_too"))
	crash(l)
	read := 0
	h.driver = countingDriver{h.driver, &read}
	next := h.crashing(t, Options{})
	atOpen := read
	want := 2
	for _, s := range statuses(t, next.Reader) {
		if s[0] == StatusUnknown {
			want--
		}
	}
	closeLog(t, next)
	if want != 0 || atOpen > 10 {
		t.Errorf("read %d entries and left %d calls open; want few and none", atOpen, want)
	}
}

func TestTheMarkDoesNotPassACallThatSomebodyElseBuiltOver(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	commit(t, l, intentOf("cal_cut"))
	exportOf(t, h, Query{}) // builds the tree before the log's own keeper does
	commit(t, l, outcomeOf("cal_other", StatusOK))
	if err := l.keeper.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	crash(l)
	next := h.log(t, Options{})
	if got := statuses(t, next.Reader)["cal_cut"]; len(got) != 1 || got[0] != StatusUnknown {
		t.Errorf("got outcomes %v, want unknown", got)
	}
}

func TestManyCallsThatWereCutOffAreEnded(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	for i := range recoverAtOnce + 50 {
		commit(t, l, intentOf(ostiary.CallID(fmt.Sprint("cal_", i))))
	}
	crash(l)
	if got := len(statuses(t, h.log(t, Options{}).Reader)); got != recoverAtOnce+50 {
		t.Errorf("got %d outcomes, want %d", got, recoverAtOnce+50)
	}
}

func TestTheMarkWaitsForTheOldestOpenCall(t *testing.T) {
	line := func(kind Kind, call string) []byte {
		e := Entry{Kind: kind, CallID: ostiary.CallID(call)}
		return render(&e).write("audit-1", 0)
	}
	c := newCalls()
	for i, step := range []struct {
		kind Kind
		call string
		want uint64
	}{
		{KindIntent, "a", 0},
		{KindIntent, "b", 0},
		{KindOutcome, "a", 1},
		{KindSession, "", 1},
		{KindOutcome, "c", 1},
		{KindIntent, "c", 1},
		{KindOutcome, "b", 7},
	} {
		c.see(uint64(i), aboutOf(line(step.kind, step.call)))
		if got := c.low(uint64(i) + 1); got != step.want {
			t.Errorf("after %s of %q: got mark %d, want %d", step.kind, step.call, got, step.want)
		}
	}
}
