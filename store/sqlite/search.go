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
	defer tx.Rollback()
	if err := searchTails(ctx, tx, search); err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	if err := searchChunks(ctx, tx, q, search); err != nil {
		return store.EntryPage{}, s.fault("search logs", err)
	}
	return search.Page(), nil
}

func searchTails(ctx context.Context, tx *sql.Tx, search *batch.Search) error {
	spans, err := readSpans(ctx, tx)
	if err != nil {
		return err
	}
	for _, all := range spans {
		tail, err := unindexed(ctx, tx, all)
		if err != nil {
			return err
		}
		if err := offer(ctx, tx, tail, search); err != nil {
			return err
		}
	}
	return nil
}

func searchChunks(ctx context.Context, tx *sql.Tx, q store.LogQuery, search *batch.Search) error {
	text, args := chunkQuery(q, search)
	rows, err := tx.QueryContext(ctx, text, args...)
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
		if search.Complete(time.UnixMicro(newest)) {
			return nil
		}
		chunk.end = chunk.first + chunkSize
		if err := offer(ctx, tx, chunk, search); err != nil {
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
		b.WriteString(` AND EXISTS (SELECT 1 FROM chunk_terms WHERE term = ? AND chunk = c.first)`)
		args = append(args, term(x))
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

// offer shows a search every entry of a span.
func offer(ctx context.Context, tx *sql.Tx, rest span, search *batch.Search) error {
	for rest.first < rest.end {
		entries, err := readEntries(ctx, tx, rest)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			search.Offer(e)
		}
		rest.first += int64(len(entries))
	}
	return nil
}
