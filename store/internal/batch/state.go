package batch

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/store"
)

// A State is what storage holds of everything that a batch touches. Missing
// entries are absent records, zero counters and empty logs. Records and
// counters past their expiry may be there: they count as absent.
type State struct {
	Now time.Time
	// Next is the first number of a run that nobody else gets: versions and
	// the places of changes are taken from it, Numbers(txs) at most.
	Next     store.Version
	Records  map[store.Key]Record
	Counters map[string]Counter
	Heads    map[string]uint64 // the number that the next entry of a log gets
}

// A Record is what must be known of a stored record to decide. The zero
// Record is an absent one.
type Record struct {
	Version store.Version
	Born    store.Version // the version of its first write: the order of lists
	Expires time.Time
}

// A Counter is the stored state of a counter.
type Counter struct {
	Value   int64
	Expires time.Time
}

// Touched names what a batch reads: each name once, in ascending order, so
// that instances that lock in this order never wait for each other in a ring.
type Touched struct {
	Keys     []store.Key
	Counters []string
	Logs     []string
}

// Touch tells what Decide will look at.
func Touch(txs []store.Tx) Touched {
	keys, counters, logs := map[store.Key]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	for _, tx := range txs {
		for _, a := range tx.Asserts {
			keys[a.Key] = struct{}{}
		}
		for _, p := range tx.Puts {
			keys[p.Key] = struct{}{}
		}
		for _, k := range tx.Deletes {
			keys[k] = struct{}{}
		}
		for _, a := range tx.Adds {
			counters[a.Counter] = struct{}{}
		}
		for _, a := range tx.Appends {
			logs[a.Log] = struct{}{}
		}
	}
	return Touched{
		slices.SortedFunc(maps.Keys(keys), compareKeys),
		slices.Sorted(maps.Keys(counters)),
		slices.Sorted(maps.Keys(logs)),
	}
}

// Numbers is how many numbers Decide takes at most.
func Numbers(txs []store.Tx) int {
	n := 0
	for _, tx := range txs {
		n += len(tx.Puts) + len(tx.Deletes)
	}
	return n
}

func compareKeys(a, b store.Key) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.ID, b.ID))
}

// Past says whether the record has expired at now: at the very instant it has.
func (r Record) Past(now time.Time) bool { return past(now, r.Expires) }

// At is the counter's value at now: zero once it has expired.
func (c Counter) At(now time.Time) int64 {
	if past(now, c.Expires) {
		return 0
	}
	return c.Value
}

// Limit is the number of records that a page has room for.
func Limit(asked int) int {
	if asked <= 0 {
		return 100
	}
	return min(asked, 1000)
}

func past(now, expires time.Time) bool { return !expires.IsZero() && !now.Before(expires) }
