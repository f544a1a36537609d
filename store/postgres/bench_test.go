package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
)

var callers = []int{1, 16, 64}

// BenchmarkDecide is a call without a grant: five epochs and one entry.
func BenchmarkDecide(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprint(n, "callers"), func(b *testing.B) {
			s := open(b, testparts.Postgres(b), postgres.Options{})
			var tx store.Tx
			for i := range 5 {
				tx.Assert(putEpoch(b, s, i))
			}
			concurrently(b, n, func(int) {
				tx := store.Tx{Asserts: tx.Asserts}
				tx.Append(entry("bench-1"))
				commit(b, s, tx)
			})
		})
	}
}

// BenchmarkConsume is a call that uses a once grant up.
func BenchmarkConsume(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprint(n, "callers"), func(b *testing.B) {
			s := open(b, testparts.Postgres(b), postgres.Options{})
			versions := putGrants(b, s, b.N)
			concurrently(b, n, func(i int) {
				var tx store.Tx
				k := grantKey(i)
				tx.Assert(k, versions[i])
				tx.Delete(k)
				tx.Append(entry("bench-1"))
				commit(b, s, tx)
			})
		})
	}
}

// concurrently runs b.N operations from n goroutines and reports their rate.
func concurrently(b *testing.B, n int, operation func(i int)) {
	var next atomic.Int64
	b.SetParallelism(1)
	b.ResetTimer()
	done := make(chan struct{})
	for range n {
		go func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				operation(int(i))
			}
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func commit(tb testing.TB, s store.Store, tx store.Tx) store.Receipt {
	receipt, err := s.Commit(tb.Context(), tx)
	if err != nil {
		tb.Errorf("commit: %v", err)
	}
	return receipt
}

func putEpoch(tb testing.TB, s store.Store, i int) (store.Key, store.Version) {
	k := store.Key{Kind: "epoch", ID: fmt.Sprintf("%040d", i)}
	var tx store.Tx
	tx.Put(store.Put{Key: k})
	return k, commit(tb, s, tx).Versions[0]
}

func grantKey(i int) store.Key { return store.Key{Kind: "grant", ID: fmt.Sprintf("%040d", i)} }

func putGrants(tb testing.TB, s store.Store, n int) []store.Version {
	var versions []store.Version
	for i := 0; i < n; {
		var tx store.Tx
		for ; i < n && len(tx.Puts) < 500; i++ {
			tx.Put(store.Put{Key: grantKey(i), Value: make([]byte, 400), Index: []store.Index{
				{Name: "session", Value: fmt.Sprintf("%032d", i%50)}, {Name: "subject", Value: fmt.Sprintf("%032d", i%20)},
			}})
		}
		versions = append(versions, commit(tb, s, tx).Versions...)
	}
	return versions
}

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func entry(log string) store.Append {
	return store.Append{
		Log: log, Time: begin,
		Line: func(seq uint64) ([]byte, error) { return fmt.Appendf(nil, "%0400d", seq), nil },
		Index: []store.Index{
			{Name: "subject", Value: fmt.Sprintf("%032d", 7)},
			{Name: "tool", Value: fmt.Sprintf("%032d", 3)},
			{Name: "client", Value: fmt.Sprintf("%032d", 2)},
			{Name: "effect", Value: fmt.Sprintf("%032d", 1)},
		},
	}
}
