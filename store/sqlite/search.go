package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// Search implements store.Log. It reads the entries that are in no indexed
// chunk yet, then the chunks that hold the values asked for, newest first,
// until no older one can change the page.
func (s *Store) Search(ctx context.Context, q store.LogQuery) (store.EntryPage, error) {
	search, err := batch.NewSearch(q)
	if err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	// One snapshot: a chunk that is indexed meanwhile is seen once.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	f := newFinder(tx, q, search)
	if err := f.tails(ctx); err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	if err := f.chunks(ctx); err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	return search.Page(), nil
}

// A finder shows a search the entries that may match.
type finder struct {
	tx      *sql.Tx
	q       store.LogQuery
	search  *batch.Search
	entries string // selects what may match between two places
	packed  []any  // the values asked for, as they stand within packed ones
}

func newFinder(tx *sql.Tx, q store.LogQuery, search *batch.Search) *finder {
	f := &finder{tx: tx, q: q, search: search}
	filter := strings.Repeat(" AND instr(idx, ?) > 0", len(q.Index))
	f.entries = "SELECT place, n, time, idx, line FROM entries WHERE place >= ? AND place < ?" + filter + " ORDER BY place"
	for _, x := range q.Index {
		f.packed = append(f.packed, pack([]store.Index{x}))
	}
	return f
}

func (f *finder) tails(ctx context.Context) error {
	spans, err := readSpans(ctx, f.tx)
	if err != nil {
		return err
	}
	for _, all := range spans {
		tail, err := unindexed(ctx, f.tx, all)
		if err != nil {
			return err
		}
		if err := f.offer(ctx, tail); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) chunks(ctx context.Context) error {
	text, args := chunkQuery(f.q, f.search)
	rows, err := f.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var chunk span
		var newest int64
		if err := rows.Scan(&chunk.first, &newest, &chunk.log); err != nil {
			return err
		}
		if f.search.Complete(time.UnixMicro(newest)) {
			return nil
		}
		chunk.end = chunk.first + chunkSize
		if err := f.offer(ctx, chunk); err != nil {
			return err
		}
	}
	return rows.Err()
}

// offer shows the search what may match within a span. It reads while the
// rows are open, for a search holds its snapshot to the end anyway.
func (f *finder) offer(ctx context.Context, from span) error {
	rows, err := f.tx.QueryContext(ctx, f.entries, append([]any{from.first, from.end}, f.packed...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scanEntries(rows, from, f.search.Offer); err != nil {
			return err
		}
	}
	return rows.Err()
}

// chunkQuery selects the chunks that may hold what is searched.
func chunkQuery(q store.LogQuery, search *batch.Search) (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString(`SELECT c.first, c.newest, l.name FROM chunks c JOIN logs l ON l.num = c.first >> 40 WHERE true`)
	for _, x := range q.Index {
		b.WriteString(` AND instr(c.terms, ?) > 0`)
		args = append(args, termOf(x).append(nil))
	}
	if !q.From.IsZero() {
		b.WriteString(` AND c.newest >= ?`)
		args = append(args, q.From.UnixMicro())
	}
	if until := search.Until(); !until.IsZero() {
		b.WriteString(` AND c.oldest <= ?`)
		args = append(args, until.UnixMicro())
	}
	b.WriteString(` ORDER BY c.newest DESC`)
	return b.String(), args
}
