package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/ostiary/ostiary/store"
)

// seqBits is how many bits of an entry's row are its number; its log has the
// rest. A log of 2^40 entries takes 30 years at 1,000 a second.
const seqBits = 40

// place is the row of an entry.
func place(log int64, seq uint64) int64 { return log<<seqBits | int64(seq) }

func split(place int64) (log int64, seq uint64) {
	return place >> seqBits, uint64(place & (1<<seqBits - 1))
}

// rowsAtOnce is how many rows are read before their entries are handed on,
// so that a slow consumer holds no lock and no more than these.
const rowsAtOnce = 64

const (
	// The row that the first place is in may begin before it.
	getEntries = `SELECT place, n, time, idx, line FROM entries
		WHERE place >= (SELECT coalesce(max(place), ?1) FROM entries WHERE place <= ?1) AND place < ?2 ORDER BY place LIMIT ?3`
	getLogs = `SELECT num, name, (SELECT place + n FROM entries WHERE place BETWEEN num << 40 AND ((num + 1) << 40) - 1
		ORDER BY place DESC LIMIT 1) FROM logs`
)

// A span is the rows of a log from first up to end, without it.
type span struct {
	log        string
	first, end int64
}

// Entries implements store.Log.
func (s *Store) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	all, err := s.spanOf(ctx, log)
	all.first += int64(min(from, uint64(all.end-all.first)))
	return func(yield func(store.Entry, error) bool) {
		if err != nil {
			yield(store.Entry{}, s.fault("read log "+log, err))
			return
		}
		s.stream(ctx, all, yield)
	}
}

func (s *Store) stream(ctx context.Context, rest span, yield func(store.Entry, error) bool) {
	for rest.first < rest.end {
		entries, err := readEntries(ctx, s.db, rest)
		if err != nil {
			yield(store.Entry{}, s.fault("read log "+rest.log, err))
			return
		}
		if len(entries) == 0 {
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
		rest.first = rest.first&^(1<<seqBits-1) + int64(entries[len(entries)-1].Seq) + 1
	}
}

// Logs implements store.Log.
func (s *Store) Logs(ctx context.Context) (map[string]uint64, error) {
	spans, err := readSpans(ctx, s.db)
	if err != nil {
		return nil, s.fault("list logs", err)
	}
	sizes := make(map[string]uint64, len(spans))
	for _, all := range spans {
		sizes[all.log] = uint64(all.end - all.first)
	}
	return sizes, nil
}

func (s *Store) spanOf(ctx context.Context, log string) (span, error) {
	all, err := scanSpan(s.db.QueryRowContext(ctx, getLogs+" WHERE name = ?", log))
	if errors.Is(err, sql.ErrNoRows) {
		return span{}, nil
	}
	return all, err
}

// A querier is a pool of connections or one transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readSpans are all logs that have entries.
func readSpans(ctx context.Context, db querier) ([]span, error) {
	rows, err := db.QueryContext(ctx, getLogs)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var spans []span
	for rows.Next() {
		all, err := scanSpan(rows)
		if err != nil {
			return nil, err
		}
		if all.end > all.first {
			spans = append(spans, all)
		}
	}
	return spans, rows.Err()
}

func scanSpan(row scanner) (span, error) {
	var num int64
	var all span
	var end sql.NullInt64
	if err := row.Scan(&num, &all.log, &end); err != nil {
		return span{}, err
	}
	all.first = place(num, 0)
	all.end = max(all.first, end.Int64)
	return all, nil
}

// readEntries reads the first entries of a span.
func readEntries(ctx context.Context, db querier, from span) ([]store.Entry, error) {
	rows, err := db.QueryContext(ctx, getEntries, from.first, from.end, rowsAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []store.Entry
	for rows.Next() {
		err := scanEntries(rows, from, func(e store.Entry) { entries = append(entries, e) })
		if err != nil {
			return nil, err
		}
	}
	return entries, rows.Err()
}

// scanEntries takes the entries of a row that are within a span.
func scanEntries(row scanner, within span, take func(store.Entry)) error {
	var r rowOfEntries
	if err := row.Scan(&r.place, &r.n, &r.micros, &r.packed, &r.line); err != nil {
		return err
	}
	r.entries(within.log, func(place int64, e store.Entry) {
		if place >= within.first && place < within.end {
			take(e)
		}
	})
	return nil
}
