package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Entries are found by index values over chunks: whenever a log has grown by
// chunkSize entries, the different values among them are noted, once each.
// That keeps the append to one insert, and the look-up rows to a fraction of
// the entries'. What is in no full chunk yet is searched by reading it.
const chunkSize = 256

// chunksAtOnce bounds what one transaction indexes after a backlog.
const chunksAtOnce = 16

const (
	lastChunk  = `SELECT coalesce(max(first) + ?3, ?1) FROM chunks WHERE first >= ?1 AND first < ?2`
	getMargins = `SELECT time, idx FROM entries WHERE place >= ? AND place < ? ORDER BY place`
	addChunk   = `INSERT OR IGNORE INTO chunks (first, oldest, newest) VALUES (?, ?, ?)`
	addTerms   = `INSERT OR IGNORE INTO chunk_terms (term, chunk) SELECT value, ?2 FROM json_each(?1)`
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
	oldest, newest int64
	terms          []byte // a JSON list
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
	chunks := make([]chunk, n)
	for i := range chunks {
		var err error
		if chunks[i], err = readChunk(ctx, s.db, from); err != nil {
			return err
		}
		from.first += chunkSize
	}
	return s.inWriter(ctx, func(ctx context.Context, w *writer) error {
		for _, c := range chunks {
			if _, err := w.conn.ExecContext(ctx, addChunk, c.first, c.oldest, c.newest); err != nil {
				return err
			}
			if _, err := w.conn.ExecContext(ctx, addTerms, string(c.terms), c.first); err != nil {
				return err
			}
		}
		return nil
	})
}

// readChunk reads what is noted of a chunk, and not the lines.
func readChunk(ctx context.Context, db querier, from span) (chunk, error) {
	rows, err := db.QueryContext(ctx, getMargins, from.first, from.first+chunkSize)
	if err != nil {
		return chunk{}, err
	}
	defer rows.Close()
	n, c, terms := 0, chunk{first: from.first, oldest: math.MaxInt64, newest: math.MinInt64}, map[int64]struct{}{}
	for ; rows.Next(); n++ {
		var at int64
		var packed sql.RawBytes
		if err := rows.Scan(&at, &packed); err != nil {
			return chunk{}, err
		}
		c.oldest, c.newest = min(c.oldest, at), max(c.newest, at)
		if err := addTermsOf(terms, packed); err != nil {
			return chunk{}, err
		}
	}
	if err := rows.Err(); err != nil {
		return chunk{}, err
	}
	if n != chunkSize {
		return chunk{}, fmt.Errorf("entries are missing: %d of %d", n, chunkSize)
	}
	// In order, so that they are inserted side by side.
	c.terms, err = json.Marshal(slices.Sorted(maps.Keys(terms)))
	return c, err
}

// addTermsOf notes the terms of an entry's index values.
func addTermsOf(terms map[int64]struct{}, packed []byte) error {
	xs, err := unpack(packed)
	for _, x := range xs {
		terms[term(x)] = struct{}{}
	}
	return err
}
