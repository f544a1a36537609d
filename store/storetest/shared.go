package storetest

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

// sharedTests are about storage that outlives a Store or serves several.
var sharedTests = []test{
	{"ReopeningKeepsEverything", testReopen},
	{"ChangesGoOnAfterReopening", testReopenFeed},
	{"VersionsNeverRepeatOverReopening", testReopenVersions},
	{"ASecondInstanceSeesWhatWasCommitted", testSecond},
	{"AClaimHoldsAgainstASecondInstance", testSecondClaim},
	{"ClaimsEndWithTheirStore", testClaimEnds},
	{"ChangesOfASecondInstanceAreSeen", testSecondFeed},
	{"ASecondInstancesWriteFailsTheAssert", testSecondAssert},
	{"TwoInstancesUseEachGrantOnce", testTwoInstances},
	{"TwoInstancesFillACounterExactly", testTwoCount},
}

func testReopen(t *testing.T, p *place) {
	log := claim(t, p, "log")
	x := store.Index{Name: "owner", Value: "alice"}
	v := put(t, p, key("a"), "1", x)
	put(t, p, key("gone"), "1")
	remove(t, p, key("gone"))
	grow(t, p, log, p.clock.Now(), 300)
	if err := add(t, p, store.Add{Counter: "n", Delta: 3, Expires: p.clock.Now().Add(time.Minute)}); err != nil {
		t.Fatalf("add: %v", err)
	}
	p.reopen(t)
	if rec := wantValue(t, p, key("a"), "1"); rec.Version != v {
		t.Errorf("version: got %d, want %d", rec.Version, v)
	}
	wantAbsent(t, p, key("gone"))
	wantList(t, p, store.Query{Kind: "thing", Index: x}, "a")
	wantCounter(t, p, "n", 3)
	if got := claim(t, p, "log"); got != log {
		t.Errorf("claim: got %q, want %q", got, log)
	}
	if got := appendOne(t, p, entry(log, p.clock.Now())); got != 300 {
		t.Errorf("next number: got %d, want 300", got)
	}
	wantNumbers(t, p, log, 0, 301)
	p.clock.Move(time.Minute)
	wantCounter(t, p, "n", 0)
}

func testReopenFeed(t *testing.T, p *place) {
	f := follow(t, p, "")
	put(t, p, key("a"), "1")
	f.change(t)
	v := put(t, p, key("b"), "1")
	p.reopen(t)
	again := follow(t, p, f.at)
	again.want(t, key("b"), v)
	again.want(t, key("c"), put(t, p, key("c"), "1"))
}

func testReopenVersions(t *testing.T, p *place) {
	before := put(t, p, key("a"), "1")
	remove(t, p, key("a"))
	p.reopen(t)
	if after := put(t, p, key("a"), "1"); after <= before {
		t.Errorf("version after reopening: got %d, want more than %d", after, before)
	}
}

func testSecond(t *testing.T, p *place) {
	second := p.another(t)
	v := put(t, p, key("a"), "1")
	if rec := wantValue(t, second, key("a"), "1"); rec.Version != v {
		t.Errorf("version: got %d, want %d", rec.Version, v)
	}
	put(t, second, key("a"), "2")
	wantValue(t, p, key("a"), "2")
	log := claim(t, second, "log")
	appendOne(t, second, said(log, "hello", p.clock.Now(), who("alice")))
	wantSearch(t, p, store.LogQuery{Index: []store.Index{who("alice")}}, "hello")
}

func testSecondClaim(t *testing.T, p *place) {
	second := p.another(t)
	one, two := claim(t, p, "gw"), claim(t, second, "gw")
	if one != "gw1" || two != "gw2" {
		t.Errorf("claims of two instances: got %q and %q, want gw1 and gw2", one, two)
	}
}

func testClaimEnds(t *testing.T, p *place) {
	second := p.another(t)
	if _, _, err := second.Claim(t.Context(), "gw"); err != nil {
		t.Fatalf("claim: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if got := claim(t, p, "gw"); got != "gw1" {
		t.Errorf("claim after its holder closed: got %q, want gw1", got)
	}
}

func testSecondFeed(t *testing.T, p *place) {
	second := p.another(t)
	f := follow(t, p, "")
	v := put(t, second, key("a"), "1")
	f.want(t, key("a"), v)
	remove(t, second, key("a"))
	f.want(t, key("a"), 0)
	put(t, p, key("b"), "1")
	put(t, second, key("c"), "1")
	if got := drain(t, f, key("c")); len(got) != 2 {
		t.Errorf("got %d changes, want those of both instances", len(got))
	}
}

// testSecondAssert is what revocation rests on: what one instance remembers
// of a key counts for nothing once another has written it.
func testSecondAssert(t *testing.T, p *place) {
	second := p.another(t)
	v := put(t, p, key("epoch"), "1")
	hold := func(tx *store.Tx) { tx.Assert(key("epoch"), v) }
	commit(t, p, hold)
	commit(t, second, hold)
	put(t, second, key("epoch"), "2")
	_, err := try(t, p, hold)
	wantConflict(t, err, store.ConflictError{Key: key("epoch")})
}

func testTwoInstances(t *testing.T, p *place) {
	instances := []store.Store{p.Store, p.another(t)}
	grants, callers := 2000, 8
	if testing.Short() {
		grants = 200
	}
	versions := make([]store.Version, grants)
	for i := range versions {
		versions[i] = put(t, p, key(strconv.Itoa(i)), "grant")
	}
	used := make([]atomic.Int32, grants)
	together(callers, func(caller int) {
		s := instances[caller%2]
		for i, v := range versions {
			var tx store.Tx
			tx.Assert(key(strconv.Itoa(i)), v)
			tx.Delete(key(strconv.Itoa(i)))
			_, err := s.Commit(t.Context(), tx)
			if err == nil {
				used[i].Add(1)
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("commit: %v", err)
			}
		}
	})
	for i := range used {
		if n := used[i].Load(); n != 1 {
			t.Errorf("grant %d was used %d times, want once", i, n)
		}
	}
}

func testTwoCount(t *testing.T, p *place) {
	instances := []store.Store{p.Store, p.another(t)}
	var passed atomic.Int32
	together(40, func(i int) {
		err := add(t, instances[i%2], store.Add{Counter: "n", Delta: 1, Max: 25})
		if err == nil {
			passed.Add(1)
		} else if !errors.Is(err, store.ErrConflict) {
			t.Errorf("add: %v", err)
		}
	})
	if passed.Load() != 25 {
		t.Errorf("%d passed, want 25", passed.Load())
	}
	wantCounter(t, p, "n", 25)
	wantCounter(t, instances[1], "n", 25)
}
