package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/storetest"
)

func openTest(t *testing.T) (*Store, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), Options{Clock: clock, busy: 50 * time.Millisecond})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s, clock
}

// onWriter runs a statement on the writer's connection.
func onWriter(t *testing.T, s *Store, text string, args ...any) {
	t.Helper()
	err := s.inWriter(t.Context(), func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, text, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// everything is a transaction that writes of each sort.
func everything(id string, size int) store.Tx {
	var tx store.Tx
	tx.Put(store.Put{Key: store.Key{Kind: "thing", ID: id}, Value: make([]byte, size)})
	tx.Add(store.Add{Counter: "n", Delta: 1})
	tx.Append(store.Append{Log: "log1", Line: func(seq uint64) ([]byte, error) { return fmt.Append(nil, seq), nil }})
	return tx
}

// wantWhole demands that each of n transactions left all of its effects, and
// nothing else left any.
func wantWhole(t *testing.T, s *Store, n int) {
	t.Helper()
	page, err := s.List(t.Context(), store.Query{Kind: "thing"})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	count, err := s.Counter(t.Context(), "n")
	if err != nil {
		t.Fatalf("counter: %v", err)
	}
	entries := 0
	for e, err := range s.Entries(t.Context(), "log1", 0) {
		if err != nil {
			t.Fatalf("entries: %v", err)
		}
		if e.Seq != uint64(entries) || string(e.Line) != fmt.Sprint(entries) {
			t.Errorf("entry %d: got %d %q", entries, e.Seq, e.Line)
		}
		entries++
	}
	if len(page.Records) != n || count != int64(n) || entries != n {
		t.Errorf("got %d records, a count of %d and %d entries, want %d of each", len(page.Records), count, entries, n)
	}
}

func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("got error %v, want one that says %q", err, words)
	}
}

func TestAFullDiskRefusesAndHealsByItself(t *testing.T) {
	s, _ := openTest(t)
	mustCommit(t, s, everything("before", 100))
	onWriter(t, s, "PRAGMA max_page_count = 40")
	for i := range 5 {
		_, err := s.Commit(t.Context(), everything(fmt.Sprint("full", i), 1<<20))
		wantError(t, err, "the disk is full")
	}
	wantWhole(t, s, 1)
	mustCommit(t, s, everything("small", 10)) // for which there is room
	onWriter(t, s, "PRAGMA max_page_count = 100000")
	mustCommit(t, s, everything("after", 1<<20))
	wantWhole(t, s, 3)
}

func TestOnAFullDiskEveryWaitingCallerIsRefused(t *testing.T) {
	s, _ := openTest(t)
	onWriter(t, s, "PRAGMA max_page_count = 40")
	errs := make(chan error)
	for i := range 20 {
		go func() {
			_, err := s.Commit(t.Context(), everything(fmt.Sprint(i), 1<<20))
			errs <- err
		}()
	}
	for range 20 {
		wantError(t, <-errs, "the disk is full")
	}
	wantWhole(t, s, 0)
	mustCommit(t, s, everything("small", 10)) // to a log whose making was undone
	wantWhole(t, s, 1)
}

func TestAReadOnlyDatabaseRefusesAndHealsByItself(t *testing.T) {
	s, _ := openTest(t)
	mustCommit(t, s, everything("before", 10))
	onWriter(t, s, "PRAGMA query_only = 1")
	_, err := s.Commit(t.Context(), everything("refused", 10))
	wantError(t, err, "read-only")
	wantWhole(t, s, 1)
	mustCommit(t, s, everything("after", 10)) // over a new connection
	wantWhole(t, s, 2)
}

func TestAWriterThatIsLockedOutRefusesAndGoesOn(t *testing.T) {
	s, _ := openTest(t)
	mustCommit(t, s, everything("before", 10))
	other, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatalf("lock: %v", err)
	}
	_, err = s.Commit(t.Context(), everything("refused", 10))
	wantError(t, err, "locked by another process")
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatalf("unlock: %v", err)
	}
	mustCommit(t, s, everything("after", 10))
	wantWhole(t, s, 2)
}

func TestADamagedRecordIsReported(t *testing.T) {
	s, _ := openTest(t)
	mustCommit(t, s, everything("a", 10))
	onWriter(t, s, "UPDATE records SET idx = x'ff'")
	_, err := s.Get(t.Context(), store.Key{Kind: "thing", ID: "a"})
	if !errors.Is(err, errPacked) {
		t.Errorf("get: got error %v, want %v", err, errPacked)
	}
}

func mustCommit(t *testing.T, s *Store, tx store.Tx) store.Receipt {
	t.Helper()
	receipt, err := s.Commit(t.Context(), tx)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return receipt
}
