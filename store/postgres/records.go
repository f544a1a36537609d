package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

const (
	recordColumns = "r.kind, r.id, r.long_id, r.version, r.born, r.expires, r.terms, r.value"

	getRecord = "select " + recordColumns + ` from records r
		where kind = $1 and id = $2 and (expires = 0 or expires > $3)`

	listKind = "select " + recordColumns + ` from records r
		where kind = $1 and (born, id) < ($2, $3) and (expires = 0 or expires > $4)
		order by born desc, id desc limit $5`

	listFound = "select " + recordColumns + ` from found f join records r using (kind, id)
		where f.kind = $1 and f.term = $2 and (f.born, f.id) < ($3, $4)
			and r.born = f.born and (r.expires = 0 or r.expires > $5)
		order by f.born desc, f.id desc limit $6`

	getCounter = "select value from counters where name = $1 and (expires = 0 or expires > $2)"
)

// Get implements store.Records.
func (s *Store) Get(ctx context.Context, k store.Key) (store.Record, error) {
	found, err := askRows(ctx, s, scanRecord, getRecord, string(k.Kind), rowID(k.ID), s.now())
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("get %s: %w", k.Kind, err)
	}
	return found[0].Record, nil
}

// List implements store.Records. It asks for one record more than the page
// holds, to know of a next page.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	from, err := parseRecordCursor(q.Cursor)
	if err != nil {
		return store.Page{}, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	limit := pageSize(q.Limit)
	query, args := listKind, []any{string(q.Kind), from.born, from.id, s.now(), limit + 1}
	if q.Index != (store.Index{}) {
		query, args = listFound, []any{string(q.Kind), lookUp(term(q.Index)), from.born, from.id, s.now(), limit + 1}
	}
	found, err := askRows(ctx, s, scanRecord, query, args...)
	if err != nil {
		return store.Page{}, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	return recordPage(found, limit), nil
}

// Counter implements store.Store.
func (s *Store) Counter(ctx context.Context, name string) (int64, error) {
	found, err := askRows(ctx, s, pgx.RowTo[int64], getCounter, rowID(name), s.now())
	if err != nil {
		return 0, fmt.Errorf("read a counter: %w", err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0], nil
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
