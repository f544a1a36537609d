package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

func key(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

// commit commits what build puts together, and must succeed.
func commit(t *testing.T, s store.Store, build func(tx *store.Tx)) store.Receipt {
	t.Helper()
	receipt, err := try(t, s, build)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return receipt
}

func try(t *testing.T, s store.Store, build func(tx *store.Tx)) (store.Receipt, error) {
	t.Helper()
	var tx store.Tx
	build(&tx)
	return s.Commit(t.Context(), tx)
}

// put writes one value and returns its version.
func put(t *testing.T, s store.Store, k store.Key, value string, index ...store.Index) store.Version {
	t.Helper()
	return commit(t, s, func(tx *store.Tx) {
		tx.Put(store.Put{Key: k, Value: []byte(value), Index: index})
	}).Versions[0]
}

func remove(t *testing.T, s store.Store, k store.Key) {
	t.Helper()
	commit(t, s, func(tx *store.Tx) { tx.Delete(k) })
}

func add(t *testing.T, s store.Store, a store.Add) error {
	t.Helper()
	_, err := try(t, s, func(tx *store.Tx) { tx.Add(a) })
	return err
}

func wantValue(t *testing.T, s store.Store, k store.Key, want string) store.Record {
	t.Helper()
	rec, err := s.Get(t.Context(), k)
	if err != nil {
		t.Fatalf("get %q: %v", k.ID, err)
	}
	if got := string(rec.Value); got != want {
		t.Fatalf("value of %q: got %q, want %q", k.ID, got, want)
	}
	return rec
}

func wantAbsent(t *testing.T, s store.Store, k store.Key) {
	t.Helper()
	if rec, err := s.Get(t.Context(), k); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("get %q: got version %d, error %v, want ErrNotFound", k.ID, rec.Version, err)
	}
}

func wantConflict(t *testing.T, err error, want store.ConflictError) {
	t.Helper()
	var got *store.ConflictError
	if !errors.As(err, &got) {
		t.Fatalf("commit: got error %v, want a conflict", err)
	}
	if *got != want {
		t.Fatalf("conflict: got %+v, want %+v", *got, want)
	}
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("commit: error %v is not ErrConflict", err)
	}
}

func wantCounter(t *testing.T, s store.Store, name string, want int64) {
	t.Helper()
	got, err := s.Counter(t.Context(), name)
	if err != nil {
		t.Fatalf("counter %q: %v", name, err)
	}
	if got != want {
		t.Fatalf("counter %q: got %d, want %d", name, got, want)
	}
}

// claim claims a log that lasts as long as the test.
func claim(t *testing.T, s store.Store, prefix string) string {
	t.Helper()
	log, release, err := s.Claim(t.Context(), prefix)
	if err != nil {
		t.Fatalf("claim a log: %v", err)
	}
	t.Cleanup(release)
	return log
}

// line makes a line that holds the number it was given.
func line(seq uint64) ([]byte, error) { return []byte("line " + strconv.FormatUint(seq, 10)), nil }

func entry(log string, at time.Time, index ...store.Index) store.Append {
	return store.Append{Log: log, Time: at, Line: line, Index: index}
}

// appendOne appends one entry and returns its number.
func appendOne(t *testing.T, s store.Store, a store.Append) uint64 {
	t.Helper()
	return commit(t, s, func(tx *store.Tx) { tx.Append(a) }).Seqs[0]
}

// readLog reads a log to its end.
func readLog(t *testing.T, s store.Store, log string, from uint64) []store.Entry {
	t.Helper()
	var entries []store.Entry
	for e, err := range s.Entries(t.Context(), log, from) {
		if err != nil {
			t.Fatalf("read log %q: %v", log, err)
		}
		entries = append(entries, e)
	}
	return entries
}

// wantNumbers demands that a log hold the entries from..to without a gap,
// each with the line made for its number.
func wantNumbers(t *testing.T, s store.Store, log string, from, to uint64) {
	t.Helper()
	entries := readLog(t, s, log, from)
	if got, want := len(entries), int(to-from); got != want {
		t.Fatalf("log %q from %d: got %d entries, want %d", log, from, got, want)
	}
	for i, e := range entries {
		want := from + uint64(i)
		if text, _ := line(want); e.Seq != want || string(e.Line) != string(text) {
			t.Fatalf("log %q: got entry %d %q, want %d %q", log, e.Seq, e.Line, want, text)
		}
	}
}
