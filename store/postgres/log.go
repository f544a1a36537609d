package postgres

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

const entryColumns = "log, seq, time, line, terms"

// entriesAtOnce bounds what Entries holds in memory.
const entriesAtOnce = 1000

// Entries implements store.Log. It reads in pieces, so that no connection is
// held while the consumer works.
func (s *Store) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		end, err := s.logEnd(ctx, log)
		for err == nil && from < end {
			var piece []store.Entry
			piece, err = s.entries(ctx, log, from, min(end, from+entriesAtOnce))
			for _, e := range piece {
				if !yield(e, nil) {
					return
				}
			}
			from += entriesAtOnce
		}
		if err != nil {
			yield(store.Entry{}, fmt.Errorf("read log %s: %w", log, err))
		}
	}
}

func (s *Store) logEnd(ctx context.Context, log string) (uint64, error) {
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	var end int64
	err := s.pool.QueryRow(ctx, "select coalesce(max(seq) + 1, 0) from entries where log = $1", log).Scan(&end)
	if err != nil {
		return 0, s.fault(err)
	}
	return uint64(end), nil
}

func (s *Store) entries(ctx context.Context, log string, from, to uint64) ([]store.Entry, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, "select "+entryColumns+` from entries
		where log = $1 and seq >= $2 and seq < $3 order by seq`, log, int64(from), int64(to))
	if err != nil {
		return nil, s.fault(err)
	}
	found, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, s.fault(err)
	}
	return found, nil
}

// Logs implements store.Log. It hops from name to name along the primary
// key, so that its cost does not grow with the entries.
func (s *Store) Logs(ctx context.Context) (map[string]uint64, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `with recursive names(log) as (
			select min(log) from entries
			union all
			select (select min(log) from entries e where e.log > names.log) from names where names.log is not null)
		select log, (select max(seq) + 1 from entries e where e.log = names.log) from names where log is not null`)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", s.fault(err))
	}
	logs := map[string]uint64{}
	var name string
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&name, &size}, func() error {
		logs[name] = uint64(size)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", s.fault(err))
	}
	return logs, nil
}

// Search implements store.Log.
func (s *Store) Search(ctx context.Context, q store.LogQuery) (store.EntryPage, error) {
	if err := s.open(ctx); err != nil {
		return store.EntryPage{}, err
	}
	below, err := parseEntryCursor(q.Cursor)
	if err != nil {
		return store.EntryPage{}, err
	}
	limit := pageSize(q.Limit)
	rows, err := s.search(ctx, q, below, limit)
	if err != nil {
		return store.EntryPage{}, fmt.Errorf("search logs: %w", s.fault(err))
	}
	found, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return store.EntryPage{}, fmt.Errorf("search logs: %w", s.fault(err))
	}
	return entryPage(found, limit), nil
}

// search asks for one entry more than the page holds, to know of a next page.
func (s *Store) search(ctx context.Context, q store.LogQuery, below entryCursor, limit int) (pgx.Rows, error) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = nanos(q.From)
	}
	if !q.To.IsZero() {
		to = nanos(q.To)
	}
	statement, args := "select "+entryColumns+` from entries
		where time >= $1 and time < $2 and (time, log, seq) < ($3, $4, $5)`,
		[]any{from, to, below.time, below.log, below.seq}
	if len(q.Index) > 0 {
		statement += " and terms @> $6"
		args = append(args, termList(q.Index))
	}
	statement += fmt.Sprintf(" order by time desc, log desc, seq desc limit %d", limit+1)
	return s.pool.Query(ctx, statement, args...)
}

func entryPage(found []store.Entry, limit int) store.EntryPage {
	if len(found) <= limit {
		return store.EntryPage{Entries: found}
	}
	found = found[:limit]
	last := found[limit-1]
	next := entryCursor{nanos(last.Time), last.Log, int64(last.Seq)}
	return store.EntryPage{Entries: found, Next: next.String()}
}

func scanEntry(row pgx.CollectableRow) (store.Entry, error) {
	var e store.Entry
	var seq, at int64
	var terms []string
	err := row.Scan(&e.Log, &seq, &at, &e.Line, &terms)
	if err != nil {
		return store.Entry{}, err
	}
	e.Seq, e.Time = uint64(seq), fromNanos(at)
	e.Index, err = parseTermList(terms)
	return e, err
}
