package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

func count(t *testing.T, s *Store, table string) int {
	t.Helper()
	var n int
	if err := s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatalf("count %s: %v", table, err)
	}
	return n
}

func TestWhatHasExpiredIsRemovedFromTheFile(t *testing.T) {
	s, clock := openTest(t)
	expiring := func(id string, in time.Duration) store.Tx {
		var tx store.Tx
		tx.Put(store.Put{
			Key: store.Key{Kind: "thing", ID: id}, Expires: clock.Now().Add(in),
			Index: []store.Index{{Name: "owner", Value: "alice"}},
		})
		tx.Add(store.Add{Counter: id, Delta: 1, Expires: clock.Now().Add(in)})
		return tx
	}
	for i := range sweepBatch + 50 {
		mustCommit(t, s, expiring(fmt.Sprint(i), time.Minute))
	}
	mustCommit(t, s, expiring("stays", time.Minute+time.Millisecond))
	clock.Move(time.Minute)
	if err := s.sweep(t.Context()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	for _, table := range []string{"records", "record_index", "counters"} {
		if got := count(t, s, table); got != 1 {
			t.Errorf("rows of %s: got %d, want the 1 that is not expired", table, got)
		}
	}
	// The writer must have forgotten them too, or a clock that is set back
	// would bring them to life for it alone.
	clock.Move(-time.Second)
	mustCommit(t, s, expiring("0", time.Minute))
	if got, err := s.Counter(t.Context(), "0"); err != nil || got != 1 {
		t.Errorf("counter: got %d, error %v, want 1", got, err)
	}
	if got := count(t, s, "records"); got != 2 {
		t.Errorf("records after another put: got %d, want 2", got)
	}
}

func TestAFollowerOfTrimmedChangesIsToldThatItLostThem(t *testing.T) {
	s, _ := openTest(t)
	old := position(2)
	for i := range 20 {
		mustCommit(t, s, everything(fmt.Sprint(i), 1))
	}
	if err := s.trim(t.Context(), 5); err != nil {
		t.Fatalf("trim: %v", err)
	}
	if got := count(t, s, "changes"); got != 6 {
		t.Errorf("changes: got %d, want 6", got)
	}
	for _, err := range s.Changes(t.Context(), old) {
		if !errors.Is(err, store.ErrPositionLost) {
			t.Errorf("follow from an old position: got error %v, want ErrPositionLost", err)
		}
		break
	}
	if err := s.trim(t.Context(), 0); err != nil {
		t.Fatalf("trim: %v", err)
	}
	before := mustCommit(t, s, everything("x", 1)).Versions[0]
	if before != 22 { // 20 puts after the first row
		t.Errorf("version after all changes were trimmed: got %d, want 22", before)
	}
}

func TestAnOvertakenFollowerIsToldThatItLostChanges(t *testing.T) {
	s, _ := openTest(t)
	for i := range 5 {
		mustCommit(t, s, everything(fmt.Sprint(i), 1))
	}
	if err := s.trim(t.Context(), 1); err != nil {
		t.Fatalf("trim: %v", err)
	}
	if _, err := s.after(t.Context(), 2); !errors.Is(err, store.ErrPositionLost) {
		t.Errorf("read behind a trimmed change: got error %v, want ErrPositionLost", err)
	}
}

func TestIndexValuesOfAChunkAreNotedOnce(t *testing.T) {
	s, clock := openTest(t)
	for i := range 2*chunkSize + 10 {
		var tx store.Tx
		tx.Append(store.Append{
			Log: "log1", Time: clock.Now(), Line: func(uint64) ([]byte, error) { return []byte("x"), nil },
			Index: []store.Index{{Name: "subject", Value: "alice"}, {Name: "tool", Value: fmt.Sprint(i % 3)}},
		})
		mustCommit(t, s, tx)
	}
	if err := s.indexChunks(t.Context()); err != nil {
		t.Fatalf("index: %v", err)
	}
	if got := count(t, s, "chunks"); got != 2 {
		t.Errorf("chunks: got %d, want 2", got)
	}
	if got := bytesOfTerms(t, s); got != 8*termSize {
		t.Errorf("terms: got %d bytes, want 4 terms for each chunk", got)
	}
	if err := s.indexChunks(t.Context()); err != nil {
		t.Errorf("index again: %v", err)
	}
	page, err := s.Search(t.Context(), store.LogQuery{Index: []store.Index{{Name: "tool", Value: "1"}}, Limit: 1000})
	if err != nil || len(page.Entries) != 174 {
		t.Errorf("search over chunks and the rest: got %d entries, error %v, want 174", len(page.Entries), err)
	}
}

func TestASearchReadsOnlyChunksThatMayMatch(t *testing.T) {
	s, _ := openTest(t)
	text, args := chunkQuery(store.LogQuery{Index: []store.Index{{Name: "a"}, {Name: "b"}}}, mustSearch(t))
	rows, err := s.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	whole := strings.Join(plan, "\n")
	for _, want := range []string{"chunks_newest"} {
		if !strings.Contains(whole, want) {
			t.Errorf("plan:\n%s\nwant it to have %q", whole, want)
		}
	}
	if strings.Contains(whole, "TEMP B-TREE") {
		t.Errorf("plan sorts:\n%s", whole)
	}
}

func mustSearch(t *testing.T) *batch.Search {
	t.Helper()
	search, err := batch.NewSearch(store.LogQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return search
}

func bytesOfTerms(t *testing.T, s *Store) int {
	t.Helper()
	var n int
	if err := s.db.QueryRowContext(t.Context(), "SELECT coalesce(sum(length(terms)), 0) FROM chunks").Scan(&n); err != nil {
		t.Fatalf("measure terms: %v", err)
	}
	return n
}
