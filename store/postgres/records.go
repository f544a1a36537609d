package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

const recordColumns = "r.kind, r.id, r.long_id, r.version, r.born, r.expires, r.terms, r.value"

// Get implements store.Records.
func (s *Store) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if err := s.open(ctx); err != nil {
		return store.Record{}, err
	}
	rows, err := s.pool.Query(ctx, "select "+recordColumns+` from records r
		where kind = $1 and id = $2 and (expires = 0 or expires > $3)`,
		string(k.Kind), rowID(k.ID), s.now())
	if err != nil {
		return store.Record{}, fmt.Errorf("get %s: %w", k.Kind, s.fault(err))
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanRecord)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Record{}, fmt.Errorf("get %s: %w", k.Kind, store.ErrNotFound)
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("get %s: %w", k.Kind, s.fault(err))
	}
	return row.Record, nil
}

// List implements store.Records.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	if err := s.open(ctx); err != nil {
		return store.Page{}, err
	}
	from, err := parseRecordCursor(q.Cursor)
	if err != nil {
		return store.Page{}, err
	}
	limit := pageSize(q.Limit)
	rows, err := s.list(ctx, q, from, limit)
	if err != nil {
		return store.Page{}, fmt.Errorf("list %s: %w", q.Kind, s.fault(err))
	}
	found, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return store.Page{}, fmt.Errorf("list %s: %w", q.Kind, s.fault(err))
	}
	return recordPage(found, limit), nil
}

// list asks for one record more than the page holds, to know of a next page.
func (s *Store) list(ctx context.Context, q store.Query, from recordCursor, limit int) (pgx.Rows, error) {
	if q.Index == (store.Index{}) {
		return s.pool.Query(ctx, "select "+recordColumns+` from records r
			where kind = $1 and (born, id) < ($2, $3) and (expires = 0 or expires > $4)
			order by born desc, id desc limit $5`,
			string(q.Kind), from.born, from.id, s.now(), limit+1)
	}
	return s.pool.Query(ctx, "select "+recordColumns+` from found f join records r using (kind, id)
		where f.kind = $1 and f.term = $2 and (f.born, f.id) < ($3, $4)
			and r.born = f.born and (r.expires = 0 or r.expires > $5)
		order by f.born desc, f.id desc limit $6`,
		string(q.Kind), term(q.Index), from.born, from.id, s.now(), limit+1)
}

// Counter implements store.Store.
func (s *Store) Counter(ctx context.Context, name string) (int64, error) {
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	var value int64
	err := s.pool.QueryRow(ctx, "select value from counters where name = $1 and (expires = 0 or expires > $2)",
		rowID(name), s.now()).Scan(&value)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read a counter: %w", s.fault(err))
	}
	return value, nil
}

// A recordRow is a record with what the driver itself keeps of it.
type recordRow struct {
	store.Record
	born int64
	row  []byte // the id as rowID writes it
}

func scanRecord(row pgx.CollectableRow) (recordRow, error) {
	var r recordRow
	var kind, terms string
	var longID []byte
	var version, expires int64
	err := row.Scan(&kind, &r.row, &longID, &version, &r.born, &expires, &terms, &r.Value)
	if err != nil {
		return recordRow{}, err
	}
	r.Key = store.Key{Kind: store.Kind(kind), ID: fullID(r.row, longID)}
	r.Version = store.Version(version)
	r.Expires = fromNanos(expires)
	r.Index, err = parseTerms(terms)
	return r, err
}

func recordPage(found []recordRow, limit int) store.Page {
	var page store.Page
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		page.Next = recordCursor{last.born, last.row}.String()
	}
	for _, r := range found {
		page.Records = append(page.Records, r.Record)
	}
	return page
}

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// open refuses what comes after Close, or with a context that is done.
func (s *Store) open(ctx context.Context) error {
	if s.closing.Err() != nil {
		return store.ErrClosed
	}
	return ctx.Err()
}

// fault explains an error; one that comes of closing is store.ErrClosed.
func (s *Store) fault(err error) error {
	if s.closing.Err() != nil {
		return store.ErrClosed
	}
	return explain(err)
}

func (s *Store) now() int64 { return s.clock.Now().UnixNano() }
