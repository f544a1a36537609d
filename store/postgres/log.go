package postgres

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

const (
	entryColumns = "log, seq, time, line, coalesce(long_terms, array_to_string(terms, ' '))"

	getEntries = "select " + entryColumns + " from entries where log = $1 and seq >= $2 and seq < $3 order by seq"

	logEnd = "select coalesce(max(seq) + 1, 0) from entries where log = $1"

	// listLogs hops from name to name along the primary key, so that its cost
	// does not grow with the entries.
	listLogs = `with recursive names (log) as (
			select min(log) from entries
			union all
			select (select min(log) from entries e where e.log > names.log) from names where names.log is not null)
		select log, (select max(seq) + 1 from entries e where e.log = names.log) from names where log is not null`

	searchAll = "select " + entryColumns + ` from entries
		where time >= $1 and time < $2 and (time, log, seq) < ($3, $4, $5)
		order by time desc, log desc, seq desc limit $6`

	searchTerms = "select " + entryColumns + ` from entries
		where time >= $1 and time < $2 and (time, log, seq) < ($3, $4, $5) and terms @> $7
		order by time desc, log desc, seq desc limit $6`
)

// entriesAtOnce bounds what Entries holds in memory.
const entriesAtOnce = 1000

// Entries implements store.Log. It reads in pieces, so that no connection is
// held while the consumer works.
func (s *Store) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		end, err := s.logEnd(ctx, log)
		for err == nil && from < end {
			var piece []store.Entry
			to := min(end, from+entriesAtOnce)
			piece, err = askRows(ctx, s, scanEntry, getEntries, log, int64(from), int64(to))
			for _, e := range piece {
				if !yield(e, nil) {
					return
				}
			}
			from = to
		}
		if err != nil {
			yield(store.Entry{}, fmt.Errorf("read log %s: %w", log, err))
		}
	}
}

func (s *Store) logEnd(ctx context.Context, log string) (uint64, error) {
	end, err := askRows(ctx, s, pgx.RowTo[int64], logEnd, log)
	if err != nil {
		return 0, err
	}
	return uint64(end[0]), nil
}

// Logs implements store.Log.
func (s *Store) Logs(ctx context.Context) (map[string]uint64, error) {
	type size struct {
		Log     string
		Entries int64
	}
	sizes, err := askRows(ctx, s, pgx.RowToStructByPos[size], listLogs)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	logs := make(map[string]uint64, len(sizes))
	for _, l := range sizes {
		logs[l.Log] = uint64(l.Entries)
	}
	return logs, nil
}

// Search implements store.Log. It asks for one entry more than the page
// holds, to know of a next page.
func (s *Store) Search(ctx context.Context, q store.LogQuery) (store.EntryPage, error) {
	below, err := parseEntryCursor(q.Cursor)
	if err != nil {
		return store.EntryPage{}, fmt.Errorf("search logs: %w", err)
	}
	from, to := bounds(q)
	limit := pageSize(q.Limit)
	// Planned anew each time: a rare term is best looked up, of a frequent one
	// the newest entries are best walked through.
	query, args := searchAll, []any{pgx.QueryExecModeCacheDescribe, from, to, below.time, below.log, below.seq, limit + 1}
	if len(q.Index) > 0 {
		wanted, _ := lookUps(q.Index)
		query, args = searchTerms, append(args, wanted)
	}
	found, err := askRows(ctx, s, scanEntry, query, args...)
	if err != nil {
		return store.EntryPage{}, fmt.Errorf("search logs: %w", err)
	}
	return entryPage(found, limit), nil
}

func bounds(q store.LogQuery) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !q.From.IsZero() {
		from = nanos(q.From)
	}
	if !q.To.IsZero() {
		to = nanos(q.To)
	}
	return from, to
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
	var terms string
	err := row.Scan(&e.Log, &seq, &at, &e.Line, &terms)
	if err != nil {
		return store.Entry{}, err
	}
	e.Seq, e.Time = uint64(seq), fromNanos(at)
	e.Index, err = parseTerms(terms)
	return e, err
}
