package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ostiary/ostiary/store"
)

// Entries are found by index values over chunks: whenever a log has grown by
// chunkSize entries, one row notes the different values among them. That
// keeps the append to one insert, and a search to the chunks that may match.
// What is in no full chunk yet is searched by reading it.
//
// The writer notes a chunk in the commit that fills it, if it has seen all of
// it and all before it is noted. What it could not see, after a start, a fault
// or another process's writes, the housekeeper reads and notes later, and with
// it what the writer has seen whole since: else a writer that is never idle
// would have each chunk read behind it.
const chunkSize = 256

const (
	chunksAtOnce = 16 // bounds what one transaction indexes after a backlog
	chunksHeld   = 64 // bounds what the writer holds behind a chunk that is not noted
)

const (
	lastChunk = `SELECT coalesce(max(first) + ?3, ?1) FROM chunks WHERE first >= ?1 AND first < ?2`
	addChunk  = `INSERT OR IGNORE INTO chunks (first, oldest, newest, terms) VALUES (?, ?, ?, ?)`
)

// chunkIsFull wakes the housekeeper.
func (s *Store) chunkIsFull() {
	select {
	case s.full <- struct{}{}:
	default:
	}
}

// unindexed is the part of a log behind its last indexed chunk.
func unindexed(ctx context.Context, db querier, all span) (span, error) {
	rows, err := db.QueryContext(ctx, lastChunk, all.first, all.end, chunkSize)
	if err != nil {
		return span{}, err
	}
	defer rows.Close()
	tail := all
	for rows.Next() {
		if err := rows.Scan(&tail.first); err != nil {
			return span{}, err
		}
	}
	return tail, rows.Err()
}

// A chunk is what is noted of one.
type chunk struct {
	first          int64 // place of its first entry
	entries        int
	oldest, newest int64 // unix microseconds
	terms          map[term]struct{}
}

func newChunk(first int64) *chunk {
	return &chunk{first: first, oldest: math.MaxInt64, newest: math.MinInt64, terms: map[term]struct{}{}}
}

func (c *chunk) add(e store.Entry) { c.addAll([]store.Entry{e}, e.Index) }

// addAll adds entries that have the index values.
func (c *chunk) addAll(entries []store.Entry, index []store.Index) {
	for i := range entries {
		micros := entries[i].Time.UnixMicro()
		c.oldest, c.newest = min(c.oldest, micros), max(c.newest, micros)
	}
	c.entries += len(entries)
	for _, x := range index {
		c.terms[termOf(x)] = struct{}{}
	}
}

// A term stands for an index value in a chunk. Values that share one cost a
// look in vain, nothing else.
type term uint32

const termSize = 4 // bytes

func termOf(x store.Index) term {
	return term(fnv1a(fnv1a(fnv1a(fnvOffset, x.Name), "\x00"), x.Value) >> 32)
}

func (t term) append(b []byte) []byte { return binary.BigEndian.AppendUint32(b, uint32(t)) }

// args are those of addChunk. Terms stand one behind the other: a search
// looks for its own among the bytes.
func (c *chunk) args() []any {
	terms := make([]byte, 0, termSize*len(c.terms))
	for _, t := range slices.Sorted(maps.Keys(c.terms)) {
		terms = t.append(terms)
	}
	return []any{c.first, c.oldest, c.newest, terms}
}

// note adds entries that were just appended, all within a chunk, to the one
// that their log fills, and keeps the chunk when it is full. index are the
// entries' values.
func (w *writer) note(ctx context.Context, run []store.Entry, index []store.Index) error {
	l := w.known.logs[run[0].Log]
	at := place(l.num, run[0].Seq)
	if run[0].Seq%chunkSize == 0 {
		l.filling = newChunk(at)
	}
	if l.filling == nil {
		return nil
	}
	l.filling.addAll(run, index)
	if l.filling.entries < chunkSize {
		return nil
	}
	l.hold(l.filling)
	l.filling = nil
	return w.keepHeld(ctx, l)
}

// hold takes a chunk that was seen whole. Of too many the newest are left to
// the housekeeper.
func (l *logState) hold(c *chunk) {
	if len(l.held) < chunksHeld {
		l.held = append(l.held, c)
	}
}

// keepHeld keeps the held chunks that all before them are noted.
func (w *writer) keepHeld(ctx context.Context, l *logState) error {
	for len(l.held) > 0 && l.held[0].first <= l.indexed {
		c := l.held[0]
		l.held = l.held[1:]
		if c.first < l.indexed {
			continue // the housekeeper was faster
		}
		if _, err := w.stmts.addChunk.ExecContext(ctx, c.args()...); err != nil {
			return fmt.Errorf("index log %d: %w", l.num, err)
		}
		l.indexed = c.first + chunkSize
	}
	return nil
}

// indexChunks indexes every full chunk that is not indexed yet.
func (s *Store) indexChunks(ctx context.Context) error {
	spans, err := readSpans(ctx, s.db)
	if err != nil {
		return fmt.Errorf("find chunks to index: %w", err)
	}
	for _, all := range spans {
		tail, err := unindexed(ctx, s.db, all)
		if err != nil {
			return fmt.Errorf("find chunks to index: %w", err)
		}
		for tail.end-tail.first >= chunkSize {
			n := min((tail.end-tail.first)/chunkSize, chunksAtOnce)
			if err := s.indexNext(ctx, tail, n); err != nil {
				return fmt.Errorf("index log %s: %w", all.log, err)
			}
			tail.first += n * chunkSize
		}
	}
	return nil
}

// indexNext reads the next n chunks outside the writer, and writes what is
// noted of them inside.
func (s *Store) indexNext(ctx context.Context, from span, n int64) error {
	chunks := make([]*chunk, n)
	for i := range chunks {
		var err error
		if chunks[i], err = readChunk(ctx, s.db, from); err != nil {
			return err
		}
		from.first += chunkSize
	}
	return s.inWriter(ctx, func(ctx context.Context, w *writer) error {
		for _, c := range chunks {
			if _, err := w.stmts.addChunk.ExecContext(ctx, c.args()...); err != nil {
				return err
			}
		}
		l, known := w.known.logs[from.log]
		if !known {
			return nil
		}
		l.indexed = max(l.indexed, from.first)
		return w.keepHeld(ctx, l)
	})
}

// readChunk reads what is noted of a chunk.
func readChunk(ctx context.Context, db querier, from span) (*chunk, error) {
	within := span{from.log, from.first, from.first + chunkSize}
	rows, err := db.QueryContext(ctx, getEntries, within.first, within.end, chunkSize)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	c := newChunk(from.first)
	for rows.Next() {
		if err := scanEntries(rows, within, c.add); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if c.entries != chunkSize {
		return nil, fmt.Errorf("entries are missing: %d of %d", c.entries, chunkSize)
	}
	return c, nil
}
