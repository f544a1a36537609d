package storetest

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

var counterTests = []test{
	{"ACounterAddsUp", testSum},
	{"ACounterNeverPassesItsMaximum", testMax},
	{"ACounterNeverFallsBelowZero", testFloor},
	{"FiftyWhoCountFillItExactly", testFill},
	{"ACounterExpiresAtTheExactInstant", testCounterExpiry},
	{"AddsOfOneCommitAreTakenTogether", testAddsTogether},
	{"ACounterDoesNotOverflow", testOverflow},
	{"CountersAreToldApartByteForByte", testCounterNames},
}

func testSum(t *testing.T, p *place) {
	wantCounter(t, p, "n", 0)
	for range 3 {
		if err := add(t, p, store.Add{Counter: "n", Delta: 2}); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	wantCounter(t, p, "n", 6)
	wantCounter(t, p, "N", 0)
}

func testMax(t *testing.T, p *place) {
	for range 3 {
		if err := add(t, p, store.Add{Counter: "n", Delta: 1, Max: 3}); err != nil {
			t.Fatalf("add up to the maximum: %v", err)
		}
	}
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("a")})
		tx.Add(store.Add{Counter: "free", Delta: 1})
		tx.Add(store.Add{Counter: "n", Delta: 1, Max: 3})
	})
	wantConflict(t, err, store.ConflictError{Counter: "n"})
	wantAbsent(t, p, key("a"))
	wantCounter(t, p, "free", 0)
	wantCounter(t, p, "n", 3)
	if err := add(t, p, store.Add{Counter: "n", Delta: -1, Max: 1}); err != nil {
		t.Errorf("taking back while above a lowered maximum: %v", err)
	}
	wantCounter(t, p, "n", 2)
}

func testFloor(t *testing.T, p *place) {
	if err := add(t, p, store.Add{Counter: "n", Delta: -5}); err != nil {
		t.Fatalf("take from nothing: %v", err)
	}
	wantCounter(t, p, "n", 0)
	if err := add(t, p, store.Add{Counter: "n", Delta: 1, Max: 1}); err != nil {
		t.Fatalf("add after taking from nothing: %v", err)
	}
	if err := add(t, p, store.Add{Counter: "n", Delta: -9}); err != nil {
		t.Fatalf("take more than there is: %v", err)
	}
	wantCounter(t, p, "n", 0)
}

func testFill(t *testing.T, p *place) {
	var passed, refused atomic.Int32
	together(50, func(int) {
		switch err := add(t, p, store.Add{Counter: "n", Delta: 1, Max: 20}); {
		case err == nil:
			passed.Add(1)
		case errors.Is(err, store.ErrConflict):
			refused.Add(1)
		default:
			t.Errorf("add: %v", err)
		}
	})
	if passed.Load() != 20 || refused.Load() != 30 {
		t.Errorf("%d passed and %d were refused, want 20 and 30", passed.Load(), refused.Load())
	}
	wantCounter(t, p, "n", 20)
}

func testCounterExpiry(t *testing.T, p *place) {
	window := func() store.Add {
		return store.Add{Counter: "n", Delta: 1, Max: 2, Expires: p.clock.Now().Add(time.Minute)}
	}
	for range 2 {
		if err := add(t, p, window()); err != nil {
			t.Fatalf("add: %v", err)
		}
		p.clock.Move(20 * time.Second) // the first add decides when it ends
	}
	wantConflict(t, add(t, p, window()), store.ConflictError{Counter: "n"})
	p.clock.Move(20*time.Second - time.Nanosecond)
	wantCounter(t, p, "n", 2)
	p.clock.Move(time.Nanosecond)
	wantCounter(t, p, "n", 0)
	if err := add(t, p, window()); err != nil {
		t.Fatalf("add in the next window: %v", err)
	}
	wantCounter(t, p, "n", 1)
	p.clock.Move(time.Minute)
	wantCounter(t, p, "n", 0)
}

func testAddsTogether(t *testing.T, p *place) {
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Add(store.Add{Counter: "n", Delta: 2, Max: 3})
		tx.Add(store.Add{Counter: "n", Delta: 2, Max: 3})
	})
	wantConflict(t, err, store.ConflictError{Counter: "n"})
	wantCounter(t, p, "n", 0)
	commit(t, p, func(tx *store.Tx) {
		tx.Add(store.Add{Counter: "n", Delta: 1, Max: 3})
		tx.Add(store.Add{Counter: "n", Delta: 2, Max: 3})
		tx.Add(store.Add{Counter: "m", Delta: 7})
	})
	wantCounter(t, p, "n", 3)
	wantCounter(t, p, "m", 7)
}

func testOverflow(t *testing.T, p *place) {
	if err := add(t, p, store.Add{Counter: "n", Delta: math.MaxInt64}); err != nil {
		t.Fatalf("add: %v", err)
	}
	wantConflict(t, add(t, p, store.Add{Counter: "n", Delta: 1}), store.ConflictError{Counter: "n"})
	wantConflict(t, add(t, p, store.Add{Counter: "n", Delta: math.MaxInt64, Max: 5}), store.ConflictError{Counter: "n"})
	wantCounter(t, p, "n", math.MaxInt64)
}

func testCounterNames(t *testing.T, p *place) {
	for i, name := range oddIDs {
		if err := add(t, p, store.Add{Counter: name, Delta: int64(i + 1)}); err != nil {
			t.Fatalf("add to %q: %v", name, err)
		}
	}
	for i, name := range oddIDs {
		wantCounter(t, p, name, int64(i+1))
	}
}
