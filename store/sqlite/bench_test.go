package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
)

var callers = []int{1, 16, 64}

// BenchmarkAssertFiveAndAppend is what an allowed call costs: five epochs
// that nobody changed, and one audit entry.
func BenchmarkAssertFiveAndAppend(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprint("callers=", n), func(b *testing.B) {
			s, log := openForBench(b)
			var tx store.Tx
			for i := range 5 {
				k := store.Key{Kind: "epoch", ID: fmt.Sprintf("%040d", i)}
				tx.Assert(k, putOne(b, s, k))
			}
			tx.Append(benchEntry(log))
			inParallel(b, n, func(int) store.Tx { return tx }, s)
		})
	}
}

// BenchmarkUseGrantAndAppend is what using a single-use grant costs.
func BenchmarkUseGrantAndAppend(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprint("callers=", n), func(b *testing.B) {
			s, log := openForBench(b)
			versions := makeGrants(b, s, b.N)
			inParallel(b, n, func(i int) store.Tx {
				var tx store.Tx
				tx.Assert(grantKey(i), versions[i])
				tx.Delete(grantKey(i))
				tx.Append(benchEntry(log))
				return tx
			}, s)
		})
	}
}

func openForBench(b *testing.B) (s *sqlite.Store, log string) {
	b.Helper()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), sqlite.Options{})
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	b.Cleanup(func() { s.Close() })
	log, _, err = s.Claim(b.Context(), "gw")
	if err != nil {
		b.Fatalf("claim: %v", err)
	}
	return s, log
}

func putOne(b *testing.B, s store.Store, k store.Key) store.Version {
	b.Helper()
	var tx store.Tx
	tx.Put(store.Put{Key: k})
	receipt, err := s.Commit(b.Context(), tx)
	if err != nil {
		b.Fatalf("put: %v", err)
	}
	return receipt.Versions[0]
}

func grantKey(i int) store.Key { return store.Key{Kind: "grant", ID: fmt.Sprintf("%040d", i)} }

func makeGrants(b *testing.B, s store.Store, n int) []store.Version {
	b.Helper()
	var versions []store.Version
	for len(versions) < n {
		var tx store.Tx
		for i := len(versions); i < min(n, len(versions)+1000); i++ {
			tx.Put(store.Put{
				Key: grantKey(i), Value: make([]byte, 400), Expires: time.Now().Add(time.Hour),
				Index: []store.Index{{Name: "session", Value: strconv.Itoa(i % 100)}, {Name: "subject", Value: strconv.Itoa(i % 10)}},
			})
		}
		receipt, err := s.Commit(b.Context(), tx)
		if err != nil {
			b.Fatalf("make grants: %v", err)
		}
		versions = append(versions, receipt.Versions...)
	}
	return versions
}

func benchEntry(log string) store.Append {
	text := make([]byte, 600)
	return store.Append{
		Log: log, Time: time.Now(), Line: func(uint64) ([]byte, error) { return text, nil },
		Index: []store.Index{
			{Name: "subject", Value: fmt.Sprintf("%032d", 1)},
			{Name: "client", Value: fmt.Sprintf("%032d", 2)},
			{Name: "tool", Value: fmt.Sprintf("%032d", 3)},
			{Name: "call", Value: fmt.Sprintf("%032d", time.Now().UnixNano())},
		},
	}
}

func inParallel(b *testing.B, callers int, tx func(i int) store.Tx, s store.Store) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if _, err := s.Commit(context.Background(), tx(i)); err != nil {
					b.Errorf("commit: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
