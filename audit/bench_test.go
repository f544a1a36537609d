package audit

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// BenchmarkAppend is what an entry costs beside its commit: to be prepared,
// and to be written and sealed inside the writer.
func BenchmarkAppend(b *testing.B) {
	l := newHouse().log(b, Options{})
	e := intentOf("cal_ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	b.ReportAllocs()
	for i := range b.N {
		var tx store.Tx
		l.Append(&tx, e)
		if _, err := tx.Appends[0].Line(uint64(i)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify and BenchmarkVerifyExport want 200,000 entries a second.
func BenchmarkVerify(b *testing.B) {
	r := NewReader(manyEntries(b, 20_000).db(b))
	for b.Loop() {
		report, err := r.Verify(b.Context(), VerifyOptions{})
		if err != nil || !report.OK() {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkVerifyExport(b *testing.B) {
	var export bytes.Buffer
	if err := NewReader(manyEntries(b, 20_000).db(b)).Export(b.Context(), &export, Query{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		report, err := VerifyExport(b.Context(), bytes.NewReader(export.Bytes()), VerifyOptions{})
		if err != nil || !report.OK() {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func manyEntries(b *testing.B, n int) *house {
	b.Helper()
	h := newHouse()
	l := h.crashing(b, Options{})
	for i := 0; i < n; i += 200 {
		entries := make([]Entry, 0, 200)
		for j := range 100 {
			call := ostiary.CallID(fmt.Sprint("cal_", i+j))
			entries = append(entries, intentOf(call), outcomeOf(call, StatusOK))
		}
		commit(b, l, entries...)
	}
	closeLog(b, l)
	return h
}
