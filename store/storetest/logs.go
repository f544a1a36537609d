package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/store"
)

var logTests = []test{
	{"AnEntryComesBackAsItWasAppended", testEntry},
	{"NumbersHaveNoGapsAroundFailures", testGaps},
	{"ALineIsMadeWithItsFinalNumber", testLineNumbers},
	{"ALogIsReadFromAnyNumber", testEntriesFrom},
	{"ReadingALogMayBeBrokenOff", testEntriesStop},
	{"ALogIsReadWhileItGrows", testEntriesGrow},
	{"LogsAreApart", testLogs},
}

func testEntry(t *testing.T, p *place) {
	log := claim(t, p, "log")
	want := store.Entry{
		Log: log, Time: p.clock.Now().Add(123 * time.Microsecond), Line: []byte("\x00{}\xff"),
		Index: []store.Index{{Name: "tool", Value: "crm:x"}, {Name: "client", Value: "\x00"}},
	}
	appendOne(t, p, store.Append{
		Log: log, Time: want.Time.In(time.FixedZone("far", 3600)), Index: want.Index,
		Line: func(uint64) ([]byte, error) { return want.Line, nil },
	})
	got := readLog(t, p, log, 0)
	if diff := cmp.Diff([]store.Entry{want}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func testGaps(t *testing.T, p *place) {
	log := claim(t, p, "log")
	broken := errors.New("no line")
	for i := range uint64(5) {
		if got := appendOne(t, p, entry(log, p.clock.Now())); got != i {
			t.Fatalf("number: got %d, want %d", got, i)
		}
		_, err := try(t, p, func(tx *store.Tx) {
			tx.Append(entry(log, p.clock.Now()))
			tx.Append(store.Append{Log: log, Line: func(uint64) ([]byte, error) { return nil, broken }})
			tx.Put(store.Put{Key: key("a")})
		})
		if !errors.Is(err, broken) {
			t.Fatalf("commit: got error %v, want %v", err, broken)
		}
		_, err = try(t, p, func(tx *store.Tx) {
			tx.Assert(key("a"), 1)
			tx.Append(entry(log, p.clock.Now()))
		})
		wantConflict(t, err, store.ConflictError{Key: key("a")})
	}
	wantAbsent(t, p, key("a"))
	wantNumbers(t, p, log, 0, 5)
}

func testLineNumbers(t *testing.T, p *place) {
	one, two := claim(t, p, "log"), claim(t, p, "log")
	together(30, func(i int) {
		var tx store.Tx
		tx.Append(entry(one, p.clock.Now()))
		tx.Append(entry(two, p.clock.Now()))
		tx.Append(entry(one, p.clock.Now()))
		receipt, err := p.Commit(t.Context(), tx)
		if err != nil {
			t.Errorf("commit %d: %v", i, err)
			return
		}
		if got := receipt.Seqs; len(got) != 3 || got[2] != got[0]+1 {
			t.Errorf("numbers of one commit: got %v, want the third to follow the first", got)
		}
	})
	wantNumbers(t, p, one, 0, 60)
	wantNumbers(t, p, two, 0, 30)
}

// grow appends n entries, in commits of up to 100.
func grow(t *testing.T, s store.Store, log string, at time.Time, n int) {
	t.Helper()
	for n > 0 {
		some := min(n, 100)
		commit(t, s, func(tx *store.Tx) {
			for range some {
				tx.Append(entry(log, at))
			}
		})
		n -= some
	}
}

func testEntriesFrom(t *testing.T, p *place) {
	log := claim(t, p, "log")
	grow(t, p, log, p.clock.Now(), 700)
	for _, from := range []uint64{0, 1, 255, 256, 257, 699, 700} {
		wantNumbers(t, p, log, from, 700)
	}
	if got := readLog(t, p, log, 1<<62); len(got) != 0 {
		t.Errorf("reading behind the end: got %d entries, want none", len(got))
	}
	if got := readLog(t, p, "unknown", 0); len(got) != 0 {
		t.Errorf("reading an unknown log: got %d entries, want none", len(got))
	}
}

func testEntriesStop(t *testing.T, p *place) {
	log := claim(t, p, "log")
	grow(t, p, log, p.clock.Now(), 300)
	for range 50 { // more often than there are connections
		for _, err := range p.Entries(t.Context(), log, 0) {
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			break
		}
	}
	wantNumbers(t, p, log, 290, 300)
}

func testEntriesGrow(t *testing.T, p *place) {
	log := claim(t, p, "log")
	grow(t, p, log, p.clock.Now(), 300)
	entries := p.Entries(t.Context(), log, 0)
	seen := uint64(0)
	for e, err := range entries {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if e.Seq != seen {
			t.Fatalf("number: got %d, want %d", e.Seq, seen)
		}
		if seen++; seen%100 == 0 {
			appendOne(t, p, entry(log, p.clock.Now())) // a reader holds nobody up
		}
	}
	if seen != 300 {
		t.Errorf("got %d entries, want the 300 of when the reading began", seen)
	}
}

func testLogs(t *testing.T, p *place) {
	want := map[string]uint64{}
	for i, prefix := range []string{"a", "a|", "A", "ab"} {
		log := claim(t, p, prefix)
		grow(t, p, log, p.clock.Now(), i+1)
		want[log] = uint64(i + 1)
	}
	claim(t, p, "empty")
	for range 2 {
		got, err := p.Logs(t.Context())
		if err != nil {
			t.Fatalf("logs: %v", err)
		}
		maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("logs (-want +got):\n%s", diff)
		}
	}
	for _, log := range slices.Sorted(maps.Keys(want)) {
		for _, e := range readLog(t, p, log, 0) {
			if e.Log != log {
				t.Errorf("log %q: got an entry of %q", log, e.Log)
			}
		}
	}
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Append(store.Append{Log: "a1", Line: func(seq uint64) ([]byte, error) { return fmt.Append(nil, "line ", seq), nil }})
	})
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	wantNumbers(t, p, "a1", 0, want["a1"]+1)
}
