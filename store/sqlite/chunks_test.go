package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

// appendNumbered appends n entries, each with an index value of its own.
func appendNumbered(t *testing.T, s *Store, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		var tx store.Tx
		tx.Append(store.Append{
			Log: "log1", Line: func(uint64) ([]byte, error) { return []byte("x"), nil },
			Index: []store.Index{{Name: "call", Value: fmt.Sprint(i)}, {Name: "kind", Value: "intent"}},
		})
		mustCommit(t, s, tx)
	}
}

func wantFound(t *testing.T, s *Store, numbers ...int) {
	t.Helper()
	for _, i := range numbers {
		q := store.LogQuery{Index: []store.Index{{Name: "call", Value: fmt.Sprint(i)}}}
		page, err := s.Search(t.Context(), q)
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Seq != uint64(i) {
			t.Errorf("search for entry %d: got %v, error %v", i, page.Entries, err)
		}
	}
}

func openFile(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// waitFor waits for what the housekeeper does beside.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not done")
		}
	}
}

func TestAChunkIsNotedByTheCommitThatFillsIt(t *testing.T) {
	s, _ := openTest(t)
	appendNumbered(t, s, 0, chunkSize-1)
	if got := count(t, s, "chunks"); got != 0 {
		t.Errorf("before it is full: got %d chunks", got)
	}
	for i := range 3 {
		appendNumbered(t, s, (i+1)*chunkSize-1, chunkSize)
		// At once: no housekeeper was asked.
		if got := count(t, s, "chunks"); got != i+1 {
			t.Errorf("got %d chunks, want %d", got, i+1)
		}
		select {
		case <-s.full:
			t.Error("the housekeeper was called")
		default:
		}
	}
	wantFound(t, s, 0, 255, 256, 511, 767, 768, 1022)
}

// A fault, or another process's write, makes the writer forget the chunk
// that it fills. Until the housekeeper has noted that one, none behind it is
// noted, or it would never be.
func TestAChunkThatTheWriterForgotIsNotedByTheHousekeeper(t *testing.T) {
	s, _ := openTest(t)
	forget := func() {
		err := s.inWriter(t.Context(), func(ctx context.Context, w *writer) error {
			clear(w.known.logs)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	appendNumbered(t, s, 0, chunkSize/2)
	forget()
	appendNumbered(t, s, chunkSize/2, chunkSize)
	waitFor(t, func() bool { return count(t, s, "chunks") == 1 })
	appendNumbered(t, s, chunkSize/2+chunkSize, 2*chunkSize)
	waitFor(t, func() bool { return count(t, s, "chunks") == 3 })
	wantFound(t, s, 0, 127, 128, 255, 256, 511, 767, 800)
}

// What a program before it has left half full, the writer can't note; what
// comes behind it, it can, as soon as the housekeeper was there once.
func TestAWriterThatIsNeverIdleIsNotReadBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := openFile(t, path)
	appendNumbered(t, s, 0, 10)
	s.Close()
	s = openFile(t, path)
	defer s.Close()
	var early int
	noted := func(w *writer) int {
		return int(w.known.logs["log1"].indexed-place(w.known.logs["log1"].num, 0)) / chunkSize
	}
	err := s.inWriter(t.Context(), func(ctx context.Context, w *writer) error {
		for seq := 10; seq < 5*chunkSize; seq++ { // the housekeeper waits for the writer
			l, err := w.known.log(ctx, w.stmts, "log1")
			if err != nil {
				return err
			}
			e := store.Entry{Log: "log1", Seq: uint64(seq), Index: []store.Index{{Name: "call", Value: fmt.Sprint(seq)}}, Line: []byte("x")}
			if err := w.append(ctx, []store.Entry{e}); err != nil {
				return err
			}
			l.head = uint64(seq + 1)
		}
		early = noted(w)
		return nil
	})
	if err != nil || early != 0 {
		t.Fatalf("got %d chunks noted, error %v; want none while the first is not", early, err)
	}
	from := span{"log1", 0, 0}
	_ = s.inWriter(t.Context(), func(_ context.Context, w *writer) error {
		from.first = place(w.known.logs["log1"].num, 0)
		return nil
	})
	if err := s.indexNext(t.Context(), from, 1); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "chunks"); got != 5 {
		t.Errorf("got %d chunks noted after the housekeeper has noted the first; want all 5", got)
	}
	wantFound(t, s, 9, 10, 255, 256, 1279)
}

func TestAFileOfTheFirstSchemaIsIndexedAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	s := openFile(t, path)
	appendNumbered(t, s, 0, 3*chunkSize+7)
	for _, back := range []string{
		"CREATE TABLE chunk_terms (term INTEGER NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY (term, chunk)) WITHOUT ROWID",
		"ALTER TABLE chunks DROP COLUMN terms", "ALTER TABLE entries DROP COLUMN n", "PRAGMA user_version = 1",
	} {
		if _, err := s.db.ExecContext(t.Context(), back); err != nil {
			t.Fatalf("%s: %v", back, err)
		}
	}
	s.Close()
	s = openFile(t, path)
	defer s.Close()
	wantFound(t, s, 0, 300, 774)
	waitFor(t, func() bool { return count(t, s, "chunks") == 3 })
	wantFound(t, s, 0, 300, 774)
}
