package storetest

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/store"
)

var recordTests = []test{
	{"ARecordComesBackAsItWasPut", testRoundTrip},
	{"WhatWasNeverPutIsAbsent", testAbsent},
	{"KeysAreComparedByteForByte", testKeys},
	{"AHugeValueComesBack", testHugeValue},
	{"AnEmptyValueIsNotAbsent", testEmptyValue},
	{"APutReplacesTheWholeRecord", testReplace},
	{"VersionsGrowAndNeverRepeat", testVersions},
	{"DeletesComeBeforePuts", testDeleteAndPut},
	{"ARecordExpiresAtTheExactInstant", testExpiry},
	{"AnExpiredRecordIsAbsentToAsserts", testExpiredAssert},
	{"TimeZonesAndFractionsDoNotMoveAnExpiry", testExpiryZones},
	{"ChangingWhatWasReadChangesNothingStored", testAliasing},
}

func testRoundTrip(t *testing.T, p *place) {
	want := store.Record{
		Key: key("a"), Value: []byte("\x00\xff value"), Expires: p.clock.Now().Add(time.Hour),
		Index: []store.Index{{Name: "owner", Value: "alice"}, {Name: "state", Value: "\x00"}, {Name: "empty"}},
	}
	receipt := commit(t, p, func(tx *store.Tx) {
		tx.Put(store.Put{Key: want.Key, Value: want.Value, Index: want.Index, Expires: want.Expires})
	})
	want.Version = receipt.Versions[0]
	got, err := p.Get(t.Context(), want.Key)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	page, err := p.List(t.Context(), store.Query{Kind: "thing"})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	if diff := cmp.Diff([]store.Record{want}, page.Records); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func testAbsent(t *testing.T, p *place) {
	wantAbsent(t, p, key("nobody"))
	remove(t, p, key("nobody")) // no error
	put(t, p, key("somebody"), "1")
	wantAbsent(t, p, store.Key{Kind: "other", ID: "somebody"})
	remove(t, p, key("somebody"))
	wantAbsent(t, p, key("somebody"))
}

// oddIDs are ids that some storage or other takes for one another.
var oddIDs = []string{
	"Alice", "alice", "ALICE", "alice ", " alice", "alice\x00", "alice\x00b", "\x00", "a|b", "a:b", "a/b", "a%b", "a_b",
	"a'b", `a"b`, `a\b`, "a\nb", "é", "e\u0301", "ß", "ss", "İ", "i", "\xff\xfe", "{}", "*", "",
	strings.Repeat("k", 1000), strings.Repeat("k", 999) + "K",
}

func testKeys(t *testing.T, p *place) {
	for _, id := range oddIDs {
		put(t, p, key(id), "value of "+id)
	}
	for _, id := range oddIDs {
		wantValue(t, p, key(id), "value of "+id)
	}
	for i, id := range oddIDs {
		remove(t, p, key(id))
		wantAbsent(t, p, key(id))
		for _, other := range oddIDs[i+1:] {
			wantValue(t, p, key(other), "value of "+other)
		}
	}
}

func testHugeValue(t *testing.T, p *place) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	put(t, p, key("huge"), string(want))
	rec, err := p.Get(t.Context(), key("huge"))
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if !bytes.Equal(rec.Value, want) {
		t.Errorf("value of %d bytes came back as %d others", len(want), len(rec.Value))
	}
}

func testEmptyValue(t *testing.T, p *place) {
	version := put(t, p, key("empty"), "")
	if rec := wantValue(t, p, key("empty"), ""); rec.Version != version {
		t.Errorf("version: got %d, want %d", rec.Version, version)
	}
}

func testReplace(t *testing.T, p *place) {
	x := store.Index{Name: "state", Value: "old"}
	commit(t, p, func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("a"), Value: []byte("1"), Index: []store.Index{x}, Expires: p.clock.Now().Add(time.Minute)})
	})
	version := put(t, p, key("a"), "2")
	want := store.Record{Key: key("a"), Version: version, Value: []byte("2")}
	if diff := cmp.Diff(want, wantValue(t, p, key("a"), "2"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	p.clock.Move(time.Hour)
	wantValue(t, p, key("a"), "2")
	wantList(t, p, store.Query{Kind: "thing", Index: x})
}

func testVersions(t *testing.T, p *place) {
	var seen []store.Version
	for range 3 {
		seen = append(seen, put(t, p, key("a"), "1"), put(t, p, key("a"), "2"))
		remove(t, p, key("a"))
		put(t, p, key("b"), "another")
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) || seen[0] == 0 {
		t.Errorf("versions of one key: got %v, want them to grow from above zero", seen)
	}
}

func testDeleteAndPut(t *testing.T, p *place) {
	old := put(t, p, key("a"), "1")
	receipt := commit(t, p, func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("a"), Value: []byte("2")})
		tx.Delete(key("a"))
	})
	if rec := wantValue(t, p, key("a"), "2"); rec.Version != receipt.Versions[0] || rec.Version <= old {
		t.Errorf("version: got %d, want %d, above %d", rec.Version, receipt.Versions[0], old)
	}
}

func testExpiry(t *testing.T, p *place) {
	at := p.clock.Now().Add(time.Minute)
	commit(t, p, func(tx *store.Tx) { tx.Put(store.Put{Key: key("a"), Value: []byte("1"), Expires: at}) })
	p.clock.Move(time.Minute - time.Nanosecond)
	wantValue(t, p, key("a"), "1")
	wantList(t, p, store.Query{Kind: "thing"}, "a")
	p.clock.Move(time.Nanosecond)
	wantAbsent(t, p, key("a"))
	wantList(t, p, store.Query{Kind: "thing"})
}

func testExpiredAssert(t *testing.T, p *place) {
	var version store.Version
	for _, id := range []string{"a", "b"} {
		version = commit(t, p, func(tx *store.Tx) {
			tx.Put(store.Put{Key: key(id), Value: []byte("1"), Expires: p.clock.Now().Add(time.Minute), Index: []store.Index{{Name: "n", Value: "old"}}})
		}).Versions[0]
	}
	p.clock.Move(time.Minute)
	_, err := try(t, p, func(tx *store.Tx) { tx.Assert(key("b"), version) })
	wantConflict(t, err, store.ConflictError{Key: key("b")})
	renewed := commit(t, p, func(tx *store.Tx) {
		tx.Assert(key("b"), 0)
		tx.Put(store.Put{Key: key("b"), Value: []byte("2")})
	}).Versions[0]
	if renewed <= version {
		t.Errorf("version after expiry: got %d, want more than %d", renewed, version)
	}
	wantValue(t, p, key("b"), "2")
	wantList(t, p, store.Query{Kind: "thing"}, "b")
	wantList(t, p, store.Query{Kind: "thing", Index: store.Index{Name: "n", Value: "old"}})
}

func testExpiryZones(t *testing.T, p *place) {
	zone := time.FixedZone("far", -11*3600)
	at := p.clock.Now().Add(1500 * time.Millisecond)
	commit(t, p, func(tx *store.Tx) { tx.Put(store.Put{Key: key("a"), Expires: at.In(zone)}) })
	if rec := wantValue(t, p, key("a"), ""); !rec.Expires.Equal(at) {
		t.Errorf("expires: got %v, want %v", rec.Expires, at)
	}
	p.clock.Move(1499 * time.Millisecond)
	wantValue(t, p, key("a"), "")
	p.clock.Move(time.Millisecond)
	wantAbsent(t, p, key("a"))
}

func testAliasing(t *testing.T, p *place) {
	value := []byte("good")
	commit(t, p, func(tx *store.Tx) { tx.Put(store.Put{Key: key("a"), Value: value}) })
	value[0] = 'b'
	rec := wantValue(t, p, key("a"), "good")
	rec.Value[0] = 'c'
	wantValue(t, p, key("a"), "good")
}
