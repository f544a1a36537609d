package sqlite

import (
	"encoding/binary"
	"time"

	"github.com/ostiary/ostiary/store"
)

// A run is entries that stand one behind the other in a log and share a row:
// most of what an entry costs is its row, and the index values that it has in
// common with its neighbours. The row's time is the first entry's, its idx
// every index value of the run once, and its line holds what is the entries'
// own: for each the time that passed since the row's, which index values it
// has, and its line, each with its length before it.
const (
	shortestRun = 16
	longestRun  = 64 // what reading one entry reads at most
)

// runOf is how many of the first entries go into one row: a run within one
// chunk, or one.
func runOf(entries []store.Entry) int {
	first := &entries[0]
	most := min(len(entries), longestRun, chunkSize-int(first.Seq%chunkSize))
	n := 1
	for n < most && entries[n].Log == first.Log {
		n++
	}
	if n < shortestRun {
		return 1
	}
	return n
}

// packRun appends a run's line to body. all are its index values, each once.
func packRun(body []byte, run []store.Entry) (all []store.Index, _ []byte) {
	number := make(map[store.Index]int, 16)
	for i := range run {
		e := &run[i]
		body = binary.AppendVarint(body, e.Time.UnixMicro()-run[0].Time.UnixMicro())
		body = binary.AppendUvarint(body, uint64(len(e.Index)))
		for _, x := range e.Index {
			n, known := number[x]
			if !known {
				n = len(all)
				number[x] = n
				all = append(all, x)
			}
			body = binary.AppendUvarint(body, uint64(n))
		}
		body = binary.AppendUvarint(body, uint64(len(e.Line)))
		body = append(body, e.Line...)
	}
	return all, body
}

// A rowOfEntries is a row as it is read.
type rowOfEntries struct {
	place, n, micros int64
	packed, line     []byte
}

// entries yields those of a row. What was damaged from outside comes without
// what can't be read any more: whoever sealed it will find it out.
func (r *rowOfEntries) entries(log string, yield func(place int64, e store.Entry)) {
	_, seq := split(r.place)
	values, _ := unpack(r.packed)
	if r.n == 1 {
		yield(r.place, store.Entry{Log: log, Seq: seq, Time: fromMicros(r.micros), Index: values, Line: r.line})
		return
	}
	rest := runReader{r.line, true}
	for i := range min(r.n, longestRun) {
		e := store.Entry{Log: log, Seq: seq + uint64(i)}
		rest.entry(&e, r.micros, values)
		yield(r.place+i, e)
	}
}

func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// A runReader takes a run's line apart. After damage it reads nothing.
type runReader struct {
	rest []byte
	good bool
}

func (r *runReader) entry(e *store.Entry, micros int64, values []store.Index) {
	passed, size := binary.Varint(r.rest)
	r.skip(size)
	e.Time = fromMicros(micros + passed)
	for n := r.number(); n > 0 && r.good; n-- {
		i := r.number()
		if i >= uint64(len(values)) {
			r.good = false
			return
		}
		e.Index = append(e.Index, values[i])
	}
	n := r.number()
	if !r.good || n > uint64(len(r.rest)) {
		r.good = false
		return
	}
	e.Line, r.rest = r.rest[:n:n], r.rest[n:]
}

func (r *runReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	r.skip(size)
	return n
}

func (r *runReader) skip(size int) {
	if size <= 0 {
		r.good, r.rest = false, nil
		return
	}
	r.rest = r.rest[size:]
}
