package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/store"
)

// together appends n entries to each log in one transaction, and returns
// what was appended, by log.
func together(t *testing.T, s *Store, logs []string, from, n int) map[string][]store.Entry {
	t.Helper()
	var tx store.Tx
	all := map[string][]store.Entry{}
	for i := from; i < from+n; i++ {
		for _, log := range logs {
			e := store.Entry{
				Log: log, Time: time.UnixMicro(1_790_000_000_000_000 + int64(i*i%7)).UTC(), Line: fmt.Appendf(nil, "%s %d", log, i),
				Index: []store.Index{{Name: "kind", Value: fmt.Sprint(i % 2)}, {Name: "call", Value: fmt.Sprint(i / 2)}},
			}
			if i%5 == 0 {
				e.Index = nil
			}
			tx.Append(store.Append{Log: log, Time: e.Time, Index: e.Index, Line: func(uint64) ([]byte, error) { return e.Line, nil }})
			e.Seq = uint64(i)
			all[log] = append(all[log], e)
		}
	}
	mustCommit(t, s, tx)
	return all
}

func entriesFrom(t *testing.T, s *Store, log string, from int) []store.Entry {
	t.Helper()
	var all []store.Entry
	for e, err := range s.Entries(t.Context(), log, uint64(from)) {
		if err != nil {
			t.Fatalf("entries: %v", err)
		}
		all = append(all, e)
	}
	return all
}

func TestEntriesThatShareARowAreReadFromEachOfThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.db")
	s := openFile(t, path)
	want := []store.Entry{}
	for _, n := range []int{1, shortestRun - 1, shortestRun, 3, longestRun, longestRun + 1, 2 * chunkSize, 1} {
		want = append(want, together(t, s, []string{"log1"}, len(want), n)["log1"]...)
	}
	if rows := count(t, s, "entries"); rows > len(want)/8 {
		t.Errorf("%d entries stand in %d rows", len(want), rows)
	}
	for range 2 {
		for from := 0; from < len(want); from += 13 {
			if diff := cmp.Diff(want[from:], entriesFrom(t, s, "log1", from)); diff != "" {
				t.Fatalf("from %d (-want +got):\n%s", from, diff)
			}
		}
		for _, at := range []int{1, 2, 17, 99, 256, 511, 660, len(want) - 1} {
			wantCall(t, s, want, want[at].Index)
		}
		s.Close()
		s = openFile(t, path)
	}
	defer s.Close()
	sizes, err := s.Logs(t.Context())
	if err != nil || sizes["log1"] != uint64(len(want)) {
		t.Errorf("size: got %d, error %v, want %d", sizes["log1"], err, len(want))
	}
}

// wantCall searches for an entry's index values, and wants all that have them.
func wantCall(t *testing.T, s *Store, all []store.Entry, index []store.Index) {
	t.Helper()
	if index == nil {
		return
	}
	page, err := s.Search(t.Context(), store.LogQuery{Index: index, Limit: 1000})
	if err != nil {
		t.Fatalf("search for %v: %v", index, err)
	}
	for _, e := range all {
		if !cmp.Equal(e.Index, index) {
			continue
		}
		if len(page.Entries) != 1 || page.Entries[0].Seq != e.Seq {
			t.Errorf("search for %v: got %v, want entry %d", index, page.Entries, e.Seq)
		}
	}
}

func TestTwoLogsInOneTransactionShareNoRow(t *testing.T) {
	s, _ := openTest(t)
	want := together(t, s, []string{"log1", "log2"}, 0, 100)
	for log, entries := range want {
		for _, from := range []int{0, 1, 63, 64, 99, 100} {
			if diff := cmp.Diff(entries[from:], append([]store.Entry{}, entriesFrom(t, s, log, from)...)); diff != "" {
				t.Errorf("%s from %d (-want +got):\n%s", log, from, diff)
			}
		}
	}
}

// What somebody changed in a row can't be read, or reads as something else:
// the seals above find it out. Reading goes on, and nothing panics.
func TestADamagedRunIsReadAsFarAsItCanBe(t *testing.T) {
	s, _ := openTest(t)
	whole := together(t, s, []string{"log1"}, 0, 40)["log1"]
	var idx, line []byte
	if err := s.db.QueryRowContext(t.Context(), "SELECT idx, line FROM entries").Scan(&idx, &line); err != nil {
		t.Fatal(err)
	}
	for column, value := range map[string][]byte{"idx": idx, "line": line} {
		for i := range value {
			damaged := append([]byte{}, value...)
			damaged[i] ^= 0x81
			onWriter(t, s, "UPDATE entries SET "+column+" = ?", damaged)
			got := entriesFrom(t, s, "log1", 0)
			if len(got) != len(whole) || cmp.Equal(whole, got) {
				t.Fatalf("%s, byte %d: got %d entries as they were", column, i, len(got))
			}
		}
		onWriter(t, s, "UPDATE entries SET "+column+" = ?", value)
	}
	if diff := cmp.Diff(whole, entriesFrom(t, s, "log1", 0)); diff != "" {
		t.Errorf("mended (-want +got):\n%s", diff)
	}
}
