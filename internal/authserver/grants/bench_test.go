package grants_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

// BenchmarkRefresh is 32 agents that each refresh as fast as they are
// answered, on a SQLite database that is durable.
func BenchmarkRefresh(b *testing.B) {
	const callers = 32
	c := storetest.NewClock()
	raw, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "o.db"), sqlite.Options{Clock: c})
	must(b, err)
	b.Cleanup(func() { raw.Close() })
	h := houseOver(b, c, raw)
	var chains [callers]grants.Tokens
	for i := range chains {
		chains[i] = h.connect(b)
	}
	var next atomic.Int64
	b.SetParallelism(callers) // times GOMAXPROCS
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		n := next.Add(1) - 1
		if n >= callers {
			return // the others do the work
		}
		tokens := chains[n]
		for pb.Next() {
			tokens = h.refresh(b, tokens.Refresh)
		}
	})
}
