package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/store"
)

var commitTests = []test{
	{"AnAssertedVersionHolds", testAssert},
	{"AFailedAssertChangesNothing", testFailedAssert},
	{"TheFirstFailedAssertIsNamed", testFirstConflict},
	{"OfFiftyWhoUseItOnceOneWins", testOneWinner},
	{"FiftyWhoCountWithVersionsLoseNothing", testNoLostUpdate},
	{"AConflictSpoilsNoNeighbour", testNeighbours},
	{"AnEmptyCommitSucceeds", testEmptyCommit},
	{"ACancelledCommitChangesNothing", testCancelled},
	{"ACancelledCallerKnowsTheTruth", testCancelledMeanwhile},
}

func testAssert(t *testing.T, p *place) {
	v1 := put(t, p, key("a"), "1")
	v2 := commit(t, p, func(tx *store.Tx) {
		tx.Assert(key("a"), v1)
		tx.Assert(key("absent"), 0)
		tx.Put(store.Put{Key: key("a"), Value: []byte("2")})
	}).Versions[0]
	_, err := try(t, p, func(tx *store.Tx) { tx.Assert(key("a"), v1) })
	wantConflict(t, err, store.ConflictError{Key: key("a")})
	_, err = try(t, p, func(tx *store.Tx) { tx.Assert(key("a"), 0) })
	wantConflict(t, err, store.ConflictError{Key: key("a")})
	commit(t, p, func(tx *store.Tx) { tx.Assert(key("a"), v2) })
	remove(t, p, key("a"))
	_, err = try(t, p, func(tx *store.Tx) { tx.Assert(key("a"), v2) })
	wantConflict(t, err, store.ConflictError{Key: key("a")})
	commit(t, p, func(tx *store.Tx) { tx.Assert(key("a"), 0) })
}

func testFailedAssert(t *testing.T, p *place) {
	log := claim(t, p, "log")
	put(t, p, key("a"), "1")
	called := false
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("b"), Value: []byte("1")})
		tx.Delete(key("a"))
		tx.Add(store.Add{Counter: "n", Delta: 1})
		tx.Append(store.Append{Log: log, Line: func(uint64) ([]byte, error) { called = true; return nil, nil }})
		tx.Assert(key("b"), 7)
	})
	wantConflict(t, err, store.ConflictError{Key: key("b")})
	wantValue(t, p, key("a"), "1")
	wantAbsent(t, p, key("b"))
	wantCounter(t, p, "n", 0)
	wantNumbers(t, p, log, 0, 0)
	if called {
		t.Error("a line was made for a transaction that did not happen")
	}
}

func testFirstConflict(t *testing.T, p *place) {
	v := put(t, p, key("a"), "1")
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Assert(key("a"), v)
		tx.Assert(key("b"), 5)
		tx.Assert(key("c"), 6)
		tx.Add(store.Add{Counter: "n", Delta: 2, Max: 1})
	})
	wantConflict(t, err, store.ConflictError{Key: key("b")})
}

// together runs f n times at once and waits.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; f(i) })
	}
	close(start)
	wg.Wait()
}

func testOneWinner(t *testing.T, p *place) {
	log := claim(t, p, "log")
	for round := range 5 {
		k := key(strconv.Itoa(round))
		v := put(t, p, k, "once")
		var won, lost atomic.Int32
		together(50, func(int) {
			var tx store.Tx
			tx.Assert(k, v)
			tx.Delete(k)
			tx.Append(entry(log, p.clock.Now()))
			switch _, err := p.Commit(t.Context(), tx); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, store.ErrConflict):
				lost.Add(1)
			default:
				t.Errorf("commit: %v", err)
			}
		})
		if won.Load() != 1 || lost.Load() != 49 {
			t.Fatalf("round %d: %d won and %d lost, want 1 and 49", round, won.Load(), lost.Load())
		}
	}
	wantNumbers(t, p, log, 0, 5)
}

func testNoLostUpdate(t *testing.T, p *place) {
	put(t, p, key("sum"), "0")
	together(50, func(int) {
		for {
			err := increment(t.Context(), p, key("sum"))
			if err == nil {
				return
			}
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("increment: %v", err)
				return
			}
		}
	})
	wantValue(t, p, key("sum"), "50")
}

// increment reads a number and writes the next, if nobody did meanwhile.
func increment(ctx context.Context, s store.Store, k store.Key) error {
	rec, err := s.Get(ctx, k)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(rec.Value))
	if err != nil {
		return err
	}
	var tx store.Tx
	tx.Assert(k, rec.Version)
	tx.Put(store.Put{Key: k, Value: []byte(strconv.Itoa(n + 1))})
	_, err = s.Commit(ctx, tx)
	return err
}

func testNeighbours(t *testing.T, p *place) {
	log := claim(t, p, "log")
	put(t, p, key("a"), "1")
	broken := errors.New("no line")
	together(60, func(i int) {
		var tx store.Tx
		tx.Put(store.Put{Key: key(fmt.Sprint("n", i)), Value: []byte("1")})
		tx.Add(store.Add{Counter: "n", Delta: 1})
		tx.Append(entry(log, p.clock.Now()))
		want := error(nil)
		switch i % 3 {
		case 1:
			tx.Assert(key("a"), 1<<40)
			want = store.ErrConflict
		case 2:
			tx.Append(store.Append{Log: log, Line: func(uint64) ([]byte, error) { return nil, broken }})
			want = broken
		}
		if _, err := p.Commit(t.Context(), tx); !errors.Is(err, want) {
			t.Errorf("commit %d: got error %v, want %v", i, err, want)
		}
	})
	for i := range 60 {
		if i%3 == 0 {
			wantValue(t, p, key(fmt.Sprint("n", i)), "1")
		} else {
			wantAbsent(t, p, key(fmt.Sprint("n", i)))
		}
	}
	wantCounter(t, p, "n", 20)
	wantNumbers(t, p, log, 0, 20)
}

func testEmptyCommit(t *testing.T, p *place) {
	receipt := commit(t, p, func(*store.Tx) {})
	if len(receipt.Versions)+len(receipt.Seqs) != 0 {
		t.Errorf("receipt: got %+v, want an empty one", receipt)
	}
}

func testCancelled(t *testing.T, p *place) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var tx store.Tx
	tx.Put(store.Put{Key: key("a")})
	tx.Add(store.Add{Counter: "n", Delta: 1})
	if _, err := p.Commit(ctx, tx); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: got error %v, want context.Canceled", err)
	}
	wantAbsent(t, p, key("a"))
	wantCounter(t, p, "n", 0)
}

// testCancelledMeanwhile cancels at odd moments: whatever Commit answers must
// be what is stored.
func testCancelledMeanwhile(t *testing.T, p *place) {
	together(40, func(i int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go cancel()
		var tx store.Tx
		tx.Put(store.Put{Key: key(strconv.Itoa(i))})
		_, err := p.Commit(ctx, tx)
		_, absent := p.Get(t.Context(), key(strconv.Itoa(i)))
		if (err == nil) != (absent == nil) {
			t.Errorf("commit %d answered %v, and then reading it %v", i, err, absent)
		}
	})
}
