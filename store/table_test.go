package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)} }

// note is a record as a domain package would have one.
type note struct {
	Owner ostiary.Subject `json:"owner"`
	Text  string          `json:"text"`
	Tag   string          `json:"tag"`
	Until time.Time       `json:"until,omitzero"`
}

func (n note) Row() store.Row {
	return store.Row{Owner: n.Owner, Expires: n.Until, Index: []store.Index{{Name: "tag", Value: n.Tag}}}
}

type fixture struct {
	raw   *memory.Store
	db    *store.DB
	ring  *store.Keyring
	clock *clock
	notes store.Table[note]
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{clock: newClock()}
	f.raw, f.ring = memory.Open(f.clock), store.NewKeyring(f.clock)
	f.db = f.open(t, f.ring)
	f.notes = store.NewTable[note](f.db, "note")
	return f
}

func (f *fixture) open(t *testing.T, ring *store.Keyring) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), f.raw, ring, f.clock)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return db
}

func (f *fixture) put(t *testing.T, id string, n note) {
	t.Helper()
	var tx store.Tx
	if err := f.notes.Put(t.Context(), &tx, id, n); err != nil {
		t.Fatalf("put: %v", err)
	}
	f.commit(t, tx)
}

func (f *fixture) commit(t *testing.T, tx store.Tx) {
	t.Helper()
	if _, err := f.db.Commit(t.Context(), tx); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func TestAValueComesBackAsItWasWritten(t *testing.T) {
	f := newFixture(t)
	want := note{Owner: "alice", Text: "tea at four", Tag: "home"}
	f.put(t, "n1", want)
	got, version, err := f.notes.Get(t.Context(), "n1")
	if err != nil || got != want || version == 0 {
		t.Errorf("got %+v at %d, %v; want %+v", got, version, err, want)
	}
}

func TestAStolenDatabaseTellsNothing(t *testing.T) {
	f := newFixture(t)
	f.put(t, "note-of-alice", note{Owner: "alice", Text: "tea at four", Tag: "home-alone"})
	for _, kind := range []store.Kind{"note", "datakey", "epoch"} {
		page, err := f.raw.List(t.Context(), store.Query{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range page.Records {
			seen := rec.Key.ID + string(rec.Value)
			for _, x := range rec.Index {
				seen += x.Value
			}
			for _, secret := range []string{"alice", "tea at four", "home-alone", "note-of"} {
				if strings.Contains(seen, secret) {
					t.Errorf("a raw record of kind %s shows %q", kind, secret)
				}
			}
		}
	}
}

// rawNote is what the driver holds for a note.
func (f *fixture) rawNote(t *testing.T, id string) store.Record {
	t.Helper()
	rec, err := f.raw.Get(t.Context(), f.notes.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestAnEditedDatabaseIsFoundOut(t *testing.T) {
	for name, edit := range map[string]func(rec, other store.Record) store.Put{
		"one bit of the value": func(rec, _ store.Record) store.Put {
			rec.Value = append([]byte(nil), rec.Value...)
			rec.Value[len(rec.Value)-1] ^= 1
			return put(rec)
		},
		"a longer life": func(rec, _ store.Record) store.Put {
			rec.Expires = rec.Expires.Add(time.Hour)
			return put(rec)
		},
		"no end": func(rec, _ store.Record) store.Put {
			rec.Expires = time.Time{}
			return put(rec)
		},
		"found under another index value": func(rec, other store.Record) store.Put {
			rec.Index = other.Index
			return put(rec)
		},
		"another record's value": func(rec, other store.Record) store.Put {
			rec.Value = other.Value
			return put(rec)
		},
		"another owner": func(rec, other store.Record) store.Put {
			rec.Value = append(append([]byte{1}, other.Value[1:33]...), rec.Value[33:]...)
			return put(rec)
		},
		"nothing left": func(rec, _ store.Record) store.Put {
			rec.Value = nil
			return put(rec)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			end := f.clock.now.Add(time.Hour)
			f.put(t, "n1", note{Owner: "alice", Text: "one", Tag: "a", Until: end})
			f.put(t, "n2", note{Owner: "bob", Text: "two", Tag: "b", Until: end})
			var tx store.Tx
			tx.Put(edit(f.rawNote(t, "n1"), f.rawNote(t, "n2")))
			f.commit(t, tx)
			if _, _, err := f.notes.Get(t.Context(), "n1"); !errors.Is(err, store.ErrTampered) {
				t.Errorf("got %v; want ErrTampered", err)
			}
			if _, _, err := f.notes.Get(t.Context(), "n2"); err != nil {
				t.Errorf("the untouched record: %v", err)
			}
		})
	}
}

func put(rec store.Record) store.Put {
	return store.Put{Key: rec.Key, Value: rec.Value, Index: rec.Index, Expires: rec.Expires}
}

func TestAListFindsByIndexValueAndNothingElse(t *testing.T) {
	f := newFixture(t)
	f.put(t, "n1", note{Owner: "alice", Text: "one", Tag: "a"})
	f.put(t, "n2", note{Owner: "bob", Text: "two", Tag: "b"})
	f.put(t, "n3", note{Owner: "bob", Text: "three", Tag: "a"})
	items, err := f.notes.All(t.Context(), store.Index{Name: "tag", Value: "a"})
	if err != nil || len(items) != 2 || items[0].ID != "n3" || items[1].ID != "n1" {
		t.Errorf("got %+v, %v; want n3 and n1", items, err)
	}
}

func TestDeletingAPersonIsFinalOnEveryInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.put(t, "n1", note{Owner: "alice", Text: "one", Tag: "a"})
		f.put(t, "n2", note{Owner: "bob", Text: "two", Tag: "a"})
		other := f.open(t, f.ring)
		otherNotes := store.NewTable[note](other, "note")
		if _, _, err := otherNotes.Get(t.Context(), "n1"); err != nil {
			t.Fatal(err) // from here on the other instance has the key in memory
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go other.Watch(ctx)
		synctest.Wait()

		var tx store.Tx
		f.db.DestroyOwner(&tx, "alice")
		f.commit(t, tx)
		synctest.Wait()

		for name, notes := range map[string]store.Table[note]{"here": f.notes, "elsewhere": otherNotes} {
			if _, _, err := notes.Get(t.Context(), "n1"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v; want ErrNotFound", name, err)
			}
			if items, err := notes.All(t.Context(), store.Index{Name: "tag", Value: "a"}); err != nil || len(items) != 1 {
				t.Errorf("%s: got %d items, %v; want bob's alone", name, len(items), err)
			}
		}
	})
}

func TestAPersonAddedAgainDoesNotFindWhatWasDeletedAndNothingIsBroken(t *testing.T) {
	f := newFixture(t)
	f.put(t, "n1", note{Owner: "alice", Text: "one", Tag: "a"})
	other := store.NewTable[note](f.open(t, f.ring), "note")
	if _, _, err := other.Get(t.Context(), "n1"); err != nil {
		t.Fatal(err) // the other instance remembers the first key, and is told of nothing
	}
	var tx store.Tx
	f.db.DestroyOwner(&tx, "alice")
	f.commit(t, tx)
	f.put(t, "n2", note{Owner: "alice", Text: "two", Tag: "a"})

	if _, _, err := f.notes.Get(t.Context(), "n1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v; want ErrNotFound", err)
	}
	for name, notes := range map[string]store.Table[note]{"here": f.notes, "elsewhere": other} {
		if n, _, err := notes.Get(t.Context(), "n2"); err != nil || n.Text != "two" {
			t.Errorf("%s: got %q, %v; want the new note", name, n.Text, err)
		}
		if items, err := notes.All(t.Context(), store.Index{Name: "tag", Value: "a"}); err != nil || len(items) != 1 {
			t.Errorf("%s: got %d items, %v; want the new note alone", name, len(items), err)
		}
	}
}

func TestAKeysetOfAnotherStorageIsRefused(t *testing.T) {
	f := newFixture(t)
	if _, err := store.Open(t.Context(), f.raw, store.NewKeyring(f.clock), f.clock); !errors.Is(err, store.ErrKeyring) {
		t.Errorf("got %v; want ErrKeyring", err)
	}
	if _, err := store.Open(t.Context(), f.raw, f.ring, f.clock); err != nil {
		t.Errorf("its own keyset: %v", err)
	}
}

func TestOfTwoUpdatesOfOneVersionOneWins(t *testing.T) {
	f := newFixture(t)
	f.put(t, "n1", note{Owner: "alice", Text: "one"})
	_, version, err := f.notes.Get(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	var first, second store.Tx
	_ = f.notes.Update(t.Context(), &first, "n1", note{Owner: "alice", Text: "first"}, version)
	_ = f.notes.Update(t.Context(), &second, "n1", note{Owner: "alice", Text: "second"}, version)
	f.commit(t, first)
	if _, err := f.db.Commit(t.Context(), second); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v; want ErrConflict", err)
	}
}
