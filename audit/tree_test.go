package audit

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The reference is package tlog, which keeps every hash.
func TestTreesAndTilesAreThoseOfTlog(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = stored[x]
		}
		return out, nil
	})
	var tr tree
	ours := tiles{}
	for n := range int64(1000) {
		want := must[tlog.Hash](t)(tlog.TreeHash(n, reader))
		if got := tr.root(); got != want {
			t.Fatalf("root of %d leaves: got %v, want %v", n, got, want)
		}
		line := []byte(fmt.Sprint("line ", n))
		stored = append(stored, must[[]tlog.Hash](t)(tlog.StoredHashes(n, line, reader))...)
		tr.add(tlog.RecordHash(line), ours.put)
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, tr.Size) {
		want := must[[]byte](t)(tlog.ReadTileData(tile, reader))
		if got := ours[tileAt{tile.L, tile.N}]; string(got) != string(want) {
			t.Errorf("tile %v: got %x, want %x", tile, got, want)
		}
	}
}

func TestATreeGoesOnFromWhatWasKept(t *testing.T) {
	h := newHouse()
	var want tree
	for round := range 5 {
		l := h.crashing(t, Options{})
		commit(t, l, repeat(outcomeOf("cal_1", StatusOK), 100+round)...)
		closeLog(t, l)
	}
	r := NewReader(h.db(t))
	for p, err := range r.lines(t.Context(), "audit-1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		want.add(tlog.RecordHash(p.plain), nil)
	}
	got, _, err := r.head(t.Context(), "audit-1")
	if err != nil || got.Tree.Size != 510 || got.Tree.root() != want.root() || got.Low != 510 {
		t.Errorf("kept head: got size %d, low %d (%v); want 510 and the root over all lines", got.Tree.Size, got.Low, err)
	}
	for _, seq := range []uint64{0, 255, 256, 509} {
		if _, err := r.prove(t.Context(), LogState{"audit-1", 510, want.root()}, seq); err != nil {
			t.Errorf("prove entry %d: %v", seq, err)
		}
	}
}
