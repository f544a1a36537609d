package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ostiary/ostiary/store"
)

// Entries are found by index values over chunks: whenever a log has grown by
// chunkSize entries, the different values among them are noted, once each.
// That keeps the append to one insert, and the look-up rows to a fraction of
// the entries'. What is in no full chunk yet is searched by reading it.
const chunkSize = 256

const (
	lastChunk = `SELECT coalesce(max(first) + ?3, ?1) FROM chunks WHERE first >= ?1 AND first < ?2`
	addChunk  = `INSERT OR IGNORE INTO chunks (first, oldest, newest) VALUES (?, ?, ?)`
	addTerms  = `INSERT OR IGNORE INTO chunk_terms (term, chunk) SELECT value, ?2 FROM json_each(?1)`
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
		for ; tail.end-tail.first >= chunkSize; tail.first += chunkSize {
			if err := s.indexChunk(ctx, tail); err != nil {
				return fmt.Errorf("index log %s: %w", all.log, err)
			}
		}
	}
	return nil
}

// indexChunk reads a chunk outside the writer, and writes its terms inside.
func (s *Store) indexChunk(ctx context.Context, from span) error {
	entries, err := readEntries(ctx, s.db, from)
	if err != nil {
		return err
	}
	terms, err := json.Marshal(termsOf(entries))
	if err != nil {
		return err
	}
	byTime := func(a, b store.Entry) int { return a.Time.Compare(b.Time) }
	oldest, newest := slices.MinFunc(entries, byTime).Time, slices.MaxFunc(entries, byTime).Time
	return s.inWriter(ctx, func(ctx context.Context, w *writer) error {
		if _, err := w.conn.ExecContext(ctx, addChunk, from.first, oldest.UnixMicro(), newest.UnixMicro()); err != nil {
			return err
		}
		_, err := w.conn.ExecContext(ctx, addTerms, string(terms), from.first)
		return err
	})
}

// termsOf are the different terms of entries, in order, so that they are
// inserted side by side.
func termsOf(entries []store.Entry) []int64 {
	terms := map[int64]struct{}{}
	for _, e := range entries {
		for _, x := range e.Index {
			terms[term(x)] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(terms))
}
