package store_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A scripted store has a feed that a test dictates.
type scripted struct {
	store.Store
	feed chan step
}

type step struct {
	change store.Change
	err    error
}

func (s *scripted) Changes(ctx context.Context, _ store.Position) iter.Seq2[store.Change, error] {
	return func(yield func(store.Change, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case next := <-s.feed:
				if !yield(next.change, next.err) || next.err != nil {
					return
				}
			}
		}
	}
}

// watched runs f in a bubble with a second opening of the storage that
// follows a feed dictated by tell.
func watched(t *testing.T, f func(t *testing.T, f *fixture, db *store.DB, tell func(store.Change, error))) {
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t)
		raw := &scripted{Store: fx.raw, feed: make(chan step)}
		db, err := store.Open(t.Context(), raw, fx.ring, fx.clock)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go db.Watch(ctx)
		f(t, fx, db, func(c store.Change, err error) {
			raw.feed <- step{c, err}
			synctest.Wait()
		})
		stop()
		synctest.Wait()
	})
}

var heartbeat = store.Change{Heartbeat: true}

func TestOnlyAHeartbeatConfirmsTheFeed(t *testing.T) {
	watched(t, func(t *testing.T, f *fixture, db *store.DB, tell func(store.Change, error)) {
		confirmed := func(when string, want bool) {
			t.Helper()
			if got := db.ConfirmedWithin(time.Second); got != want {
				t.Errorf("%s: got confirmed %v; want %v", when, got, want)
			}
		}
		confirmed("before anything was heard", false)
		tell(store.Change{Key: store.Key{Kind: "note", ID: "1"}, Version: 1}, nil)
		confirmed("after one of who knows how many changes", false)
		tell(heartbeat, nil)
		confirmed("after a heartbeat", true)
		f.clock.now = f.clock.now.Add(time.Second)
		confirmed("a second later", true)
		f.clock.now = f.clock.now.Add(time.Millisecond)
		confirmed("later than that", false)
		f.clock.now = f.clock.now.Add(-time.Hour)
		confirmed("when the clock was set back", false)
	})
}

func TestAKeyDestroyedWhileTheFeedWasDownOpensNothing(t *testing.T) {
	watched(t, func(t *testing.T, f *fixture, db *store.DB, tell func(store.Change, error)) {
		f.put(t, "n1", note{Owner: "alice", Text: "tea"})
		notes := store.NewTable[note](db, "note")
		if _, _, err := notes.Get(t.Context(), "n1"); err != nil {
			t.Fatal(err)
		}
		tell(store.Change{}, errors.New("cut"))
		var tx store.Tx
		f.db.DestroyOwner(&tx, "alice")
		f.commit(t, tx)
		time.Sleep(time.Second) // in the bubble: the feed begins again
		tell(heartbeat, nil)
		if got, _, err := notes.Get(t.Context(), "n1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %+v, %v; want ErrNotFound", got, err)
		}
	})
}

// TestWhatWasReadBeforeTheFeedBeganIsReadAgain: between reading and the
// first thing heard somebody may have been locked out.
func TestWhatWasReadBeforeTheFeedBeganIsReadAgain(t *testing.T) {
	watched(t, func(t *testing.T, f *fixture, db *store.DB, tell func(store.Change, error)) {
		epochs := store.NewEpochs(db)
		ids := store.EpochIDs{Subject: "alice"}
		before, err := epochs.Of(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		var tx store.Tx
		store.NewEpochs(f.db).Bump(&tx, ids)
		f.commit(t, tx)
		tell(heartbeat, nil)
		if after, err := epochs.Of(t.Context(), ids); err != nil || after == before {
			t.Errorf("got %+v, %v; want it read again", after, err)
		}
	})
}

// An astray store finds the records of one index value under every other:
// somebody edited what the driver looks up.
type astray struct {
	store.Store
	found store.Index
}

func (a *astray) List(ctx context.Context, q store.Query) (store.Page, error) {
	if a.found.Name != "" {
		q.Index = a.found
	}
	return a.Store.List(ctx, q)
}

func TestARecordFoundUnderAnIndexThatIsNotItsOwnIsTampered(t *testing.T) {
	f := newFixture(t)
	f.put(t, "n1", note{Owner: ostiary.Subject("alice"), Tag: "hers"})
	raw := &astray{Store: f.raw}
	db, err := store.Open(t.Context(), raw, f.ring, f.clock)
	if err != nil {
		t.Fatal(err)
	}
	notes := store.NewTable[note](db, "note")
	raw.found = f.rawNote(t, "n1").Index[0]
	if got, _, err := notes.List(t.Context(), store.Index{Name: "tag", Value: "hers"}, 10, ""); err != nil || len(got) != 1 {
		t.Errorf("its own: got %v, %v; want the note", got, err)
	}
	if got, _, err := notes.List(t.Context(), store.Index{Name: "tag", Value: "his"}, 10, ""); !errors.Is(err, store.ErrTampered) {
		t.Errorf("another's: got %v, %v; want ErrTampered", got, err)
	}
}

// A seen store remembers the counters it was asked to change.
type seen struct {
	store.Store
	counters []string
}

func (s *seen) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	for _, a := range tx.Adds {
		s.counters = append(s.counters, a.Counter)
	}
	return s.Store.Commit(ctx, tx)
}

func TestACounterDoesNotTellWhomItCounts(t *testing.T) {
	f := newFixture(t)
	raw := &seen{Store: f.raw}
	db, err := store.Open(t.Context(), raw, f.ring, f.clock)
	if err != nil {
		t.Fatal(err)
	}
	var tx store.Tx
	tx.Add(store.Add{Counter: "rate/alice", Delta: 2})
	if _, err := db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if tx.Adds[0].Counter != "rate/alice" {
		t.Error("the caller's transaction was changed: a second try would count elsewhere")
	}
	if n, err := db.Counter(t.Context(), "rate/alice"); err != nil || n != 2 {
		t.Errorf("got %d, %v; want 2", n, err)
	}
	if len(raw.counters) != 1 || strings.Contains(raw.counters[0], "alice") {
		t.Errorf("got counters %q in storage", raw.counters)
	}
}
