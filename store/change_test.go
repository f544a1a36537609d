package store_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/store"
)

func TestAChangeStartsAgainForAConflictAndNotForACounterThatIsFull(t *testing.T) {
	f := newFixture(t)
	f.put(t, "n1", note{Text: "one"})
	tries := 0
	err := f.db.Change(t.Context(), "try", func(tx *store.Tx) error {
		if tries++; tries < 3 {
			tx.Assert(f.notes.Key("n1"), 0)
		}
		return f.notes.Put(t.Context(), tx, "n2", note{Text: "two"})
	})
	if err != nil || tries != 3 {
		t.Errorf("a conflict: got %v after %d tries; want 3", err, tries)
	}
	tries = 0
	err = f.db.Change(t.Context(), "try", func(tx *store.Tx) error {
		tries++
		tx.Add(store.Add{Counter: "places", Delta: 2, Max: 1})
		return nil
	})
	var full *store.ConflictError
	if !errors.As(err, &full) || full.Counter == "" || tries != 1 {
		t.Errorf("a full counter: got %v after %d tries; want it told after 1", err, tries)
	}
}
