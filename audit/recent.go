package audit

import (
	"slices"
	"sync"
)

// maxRecent bounds how many lines are remembered: a few megabytes, and more
// than one process writes between two looks of its keeper.
const maxRecent = 8192

// manyRecent is how many lines make the keeper look before its time.
const manyRecent = maxRecent / 4

// A recent remembers the newest lines of the log that this process writes, so
// that the tree is built of what was written without reading it back. Lines
// it does not know are read from storage. It is safe for concurrent use; a
// nil recent knows none.
type recent struct {
	mu    sync.Mutex
	log   string
	first uint64 // number of the first line
	lines []made
	many  chan struct{} // gets a value when there are many; nil: nobody looks
}

// A made line is one that was just written, and which call it is of.
type made struct {
	plain []byte
	about about
}

// put remembers a line that is about to be committed under a number. When the
// commit fails, the number is given to another line, whose put takes this
// one's place.
func (r *recent) put(log string, seq uint64, m made) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.first + uint64(len(r.lines))
	if r.log != log || seq < r.first || seq > next || len(r.lines) >= maxRecent {
		clear(r.lines)
		r.log, r.first, r.lines = log, seq, r.lines[:0]
	}
	r.lines = append(r.lines[:seq-r.first], m)
	if len(r.lines)%manyRecent != 0 {
		return
	}
	select {
	case r.many <- struct{}{}:
	default:
	}
}

// take returns the lines from one number up to end, without it, and forgets
// all before end; nil when it does not know them all. Lines before end must
// have been committed.
func (r *recent) take(log string, from, end uint64) []made {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log != log || from < r.first || from > end || end > r.first+uint64(len(r.lines)) {
		return nil
	}
	taken := r.lines[from-r.first : end-r.first : end-r.first]
	r.lines = slices.Clone(r.lines[end-r.first:])
	r.first = end
	return taken
}
