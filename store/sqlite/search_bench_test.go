package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

const benchEntries = 200_000

// BenchmarkWholeLog fills a log and measures what grows with it: opening the
// file, searching it and reading it.
func BenchmarkWholeLog(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bench.db")
	fill(b, path)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			openAt(b, path).Close()
		}
	})
	s := openAt(b, path)
	defer s.Close()
	for name, q := range map[string]store.LogQuery{
		"search=newest":      {},
		"search=subject":     {Index: []store.Index{{Name: "subject", Value: "77"}}},
		"search=onecall":     {Index: []store.Index{{Name: "call", Value: "1234"}}},
		"search=nothing":     {Index: []store.Index{{Name: "call", Value: "none"}}},
		"search=subjectTool": {Index: []store.Index{{Name: "subject", Value: "77"}, {Name: "tool", Value: "3"}}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Search(b.Context(), q); err != nil {
					b.Fatalf("search: %v", err)
				}
			}
		})
	}
	b.Run("read", func(b *testing.B) { readWhole(b, s) })
}

func openAt(b *testing.B, path string) *Store {
	b.Helper()
	s, err := Open(b.Context(), path, Options{})
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	return s
}

// fill appends entries of 1,000 subjects, 50 tools and as many calls as
// there are entries.
func fill(b *testing.B, path string) {
	b.Helper()
	s := openAt(b, path)
	defer s.Close()
	text := make([]byte, 600)
	begin := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for i := 0; i < benchEntries; {
		var tx store.Tx
		for range 1000 {
			tx.Append(store.Append{
				Log: "gw1", Time: begin.Add(time.Duration(i) * time.Millisecond),
				Line: func(uint64) ([]byte, error) { return text, nil },
				Index: []store.Index{
					{Name: "subject", Value: strconv.Itoa(i * 7919 % 1000)},
					{Name: "tool", Value: strconv.Itoa(i % 50)},
					{Name: "call", Value: strconv.Itoa(i)},
				},
			})
			i++
		}
		if _, err := s.Commit(context.Background(), tx); err != nil {
			b.Fatalf("fill: %v", err)
		}
	}
	if err := s.indexChunks(b.Context()); err != nil {
		b.Fatalf("index: %v", err)
	}
}

func readWhole(b *testing.B, s *Store) {
	b.Helper()
	read := 0
	for b.Loop() {
		for e, err := range s.Entries(b.Context(), "gw1", 0) {
			if err != nil {
				b.Fatalf("entries: %v", err)
			}
			if e.Seq == benchEntries-1 && len(e.Line) != 600 {
				b.Fatal(fmt.Errorf("last line has %d bytes", len(e.Line)))
			}
			read++
		}
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "entries/s")
}
