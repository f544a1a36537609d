package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

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

// entriesAtOnce is how many entries are read before they are handed on, so
// that a slow consumer holds no lock and no more than these.
const entriesAtOnce = 256

const (
	getEntries = `SELECT place, time, idx, line FROM entries WHERE place >= ? AND place < ? ORDER BY place LIMIT ?`
	getLogs    = `SELECT num, name, (SELECT max(place) + 1 FROM entries WHERE place BETWEEN num << 40 AND ((num + 1) << 40) - 1)
		FROM logs`
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
		rest.first += int64(len(entries))
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
	rows, err := db.QueryContext(ctx, getEntries, from.first, from.end, entriesAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []store.Entry
	for rows.Next() {
		e, err := scanEntry(rows, from.log)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

func scanEntry(row scanner, log string) (store.Entry, error) {
	var at, micros int64
	var packed sql.RawBytes
	e := store.Entry{Log: log}
	if err := row.Scan(&at, &micros, &packed, &e.Line); err != nil {
		return store.Entry{}, err
	}
	_, e.Seq = split(at)
	e.Time = time.UnixMicro(micros).UTC()
	var err error
	if e.Index, err = unpack(packed); err != nil {
		return store.Entry{}, fmt.Errorf("entry %d: %w", e.Seq, err)
	}
	return e, nil
}
