package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

var feedTests = []test{
	{"ChangesAreSeenInOrder", testChanges},
	{"ChangesGoOnFromAPosition", testReconnect},
	{"TheFeedBeginsAtTheCall", testFeedNow},
	{"HeartbeatsConfirmTheFeed", testHeartbeat},
	{"AForeignPositionIsRefused", testBadPosition},
	{"TheFeedEndsWithItsContext", testFeedEnds},
	{"WhatFailedIsNotAnnounced", testNoFalseChanges},
}

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

// A follower reads the feed.
type follower struct {
	next func() (store.Change, error, bool)
	at   store.Position
}

// follow starts to read the feed behind a position.
func follow(t *testing.T, s store.Store, from store.Position) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	next, stop := iter.Pull2(s.Changes(ctx, from))
	t.Cleanup(func() { stop(); cancel() })
	return &follower{next, from}
}

// change is the next change that is no heartbeat.
func (f *follower) change(t *testing.T) store.Change {
	t.Helper()
	for {
		c, err, ok := f.next()
		if !ok {
			t.Fatal("the feed ended before the change came")
		}
		if err != nil {
			t.Fatalf("follow changes: %v", err)
		}
		f.at = c.Position
		if !c.Heartbeat {
			return c
		}
	}
}

func (f *follower) want(t *testing.T, k store.Key, v store.Version) {
	t.Helper()
	if got := f.change(t); got.Key != k || got.Version != v {
		t.Fatalf("change: got %+v at %d, want %+v at %d", got.Key, got.Version, k, v)
	}
}

func testChanges(t *testing.T, p *place) {
	put(t, p, key("before"), "1")
	f := follow(t, p, "")
	v1 := put(t, p, key("a\x00"), "1")
	v2 := put(t, p, store.Key{Kind: "other", ID: "b"}, "1")
	v3 := put(t, p, key("a\x00"), "2")
	remove(t, p, key("a\x00"))
	v4 := put(t, p, key("a\x00"), "3")
	f.want(t, key("a\x00"), v1)
	f.want(t, store.Key{Kind: "other", ID: "b"}, v2)
	f.want(t, key("a\x00"), v3)
	f.want(t, key("a\x00"), 0)
	f.want(t, key("a\x00"), v4)
}

func testReconnect(t *testing.T, p *place) {
	f := follow(t, p, "")
	put(t, p, key("0"), "1")
	f.change(t)
	var versions []store.Version
	for i := range 10 {
		versions = append(versions, put(t, p, key(strconv.Itoa(i)), "1"))
	}
	for i := range 5 {
		f.want(t, key(strconv.Itoa(i)), versions[i])
	}
	for range 2 { // the same position twice
		again := follow(t, p, f.at)
		for i := 5; i < 10; i++ {
			again.want(t, key(strconv.Itoa(i)), versions[i])
		}
	}
}

func testFeedNow(t *testing.T, p *place) {
	put(t, p, key("before"), "1")
	changes := p.Changes(t.Context(), "")
	v := put(t, p, key("after"), "1") // after the call, before the first read
	for c, err := range changes {
		if err != nil {
			t.Fatalf("follow changes: %v", err)
		}
		if c.Heartbeat {
			continue
		}
		if c.Key != key("after") || c.Version != v {
			t.Fatalf("change: got %+v, want %+v", c.Key, key("after"))
		}
		return
	}
}

func testHeartbeat(t *testing.T, p *place) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	beats := 0
	for c, err := range p.Changes(ctx, "") {
		if err != nil {
			t.Fatalf("follow changes: %v", err)
		}
		if !c.Heartbeat || c.Key != (store.Key{}) {
			t.Fatalf("change: got %+v, want a heartbeat without key", c)
		}
		if c.Position == "" {
			t.Fatal("a heartbeat without position")
		}
		if beats++; beats == 3 {
			return
		}
	}
	t.Fatalf("got %d heartbeats in %v, want 3", beats, patience)
}

func testBadPosition(t *testing.T, p *place) {
	for _, from := range []store.Position{"nonsense", "' OR 1=1"} {
		for _, err := range p.Changes(t.Context(), from) {
			if err == nil {
				t.Errorf("follow from %q: got a change, want an error", from)
			}
			break
		}
	}
}

func testFeedEnds(t *testing.T, p *place) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range p.Changes(ctx, "") { // must end by itself
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("follow changes: %v", err)
		}
		cancel()
	}
}

func testNoFalseChanges(t *testing.T, p *place) {
	f := follow(t, p, "")
	_, err := try(t, p, func(tx *store.Tx) {
		tx.Assert(key("a"), 9)
		tx.Put(store.Put{Key: key("a")})
	})
	wantConflict(t, err, store.ConflictError{Key: key("a")})
	remove(t, p, key("absent"))
	if err := add(t, p, store.Add{Counter: "n", Delta: 1}); err != nil {
		t.Fatalf("add: %v", err)
	}
	f.want(t, key("b"), put(t, p, key("b"), "1"))
}

// drain reads a feed until it has seen a key.
func drain(t *testing.T, f *follower, last store.Key) []store.Change {
	t.Helper()
	var seen []store.Change
	for {
		c := f.change(t)
		seen = append(seen, c)
		if c.Key == last {
			return slices.Clip(seen)
		}
	}
}
