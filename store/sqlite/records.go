package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

const (
	getRecord  = `SELECT born, id, version, expires, idx, value FROM records WHERE kind = ? AND id = ?`
	getCounter = `SELECT value, expires FROM counters WHERE name = ?`
	listAll    = `SELECT born, id, version, expires, idx, value FROM records INDEXED BY records_kind
		WHERE kind = ? AND born < ? AND (expires IS NULL OR expires > ?) ORDER BY born DESC LIMIT ?`
	listIndexed = `SELECT r.born, r.id, r.version, r.expires, r.idx, r.value
		FROM record_index i CROSS JOIN records r ON r.born = i.born
		WHERE i.kind = ? AND i.name = ? AND i.value = ? AND i.born < ?
		AND (r.expires IS NULL OR r.expires > ?) ORDER BY i.born DESC LIMIT ?`
)

// reads are the statements of readers, prepared once.
type reads struct {
	get, counter, all, indexed, changes *sql.Stmt
}

func newReads(ctx context.Context, db *sql.DB) (*reads, error) {
	r := &reads{}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&r.get, getRecord},
		{&r.counter, getCounter},
		{&r.all, listAll},
		{&r.indexed, listIndexed},
		{&r.changes, getChanges},
	} {
		var err error
		if *p.stmt, err = db.PrepareContext(ctx, p.text); err != nil { //nolint:sqlclosecheck // close does
			r.close()
			return nil, fmt.Errorf("prepare to read: %w", err)
		}
	}
	return r, nil
}

func (r *reads) close() {
	for _, stmt := range []*sql.Stmt{r.get, r.counter, r.all, r.indexed, r.changes} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// Get implements store.Records.
func (s *Store) Get(ctx context.Context, k store.Key) (store.Record, error) {
	doing := "get a record of kind " + string(k.Kind)
	_, rec, err := scanRecord(s.reads.get.QueryRowContext(ctx, string(k.Kind), blob(k.ID)), k.Kind)
	if err != nil {
		return store.Record{}, s.fault(doing, err)
	}
	if (batch.Record{Expires: rec.Expires}).Past(s.clock.Now()) {
		return store.Record{}, fmt.Errorf("%s: %w", doing, store.ErrNotFound)
	}
	return rec, nil
}

// List implements store.Records.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	limit := batch.Limit(q.Limit)
	rows, err := s.list(ctx, q, limit+1)
	if err != nil {
		return store.Page{}, s.fault("list records of kind "+string(q.Kind), err)
	}
	defer rows.Close()
	var page store.Page
	var last int64
	for rows.Next() {
		if len(page.Records) == limit {
			page.Next = strconv.FormatInt(last, 10)
			break
		}
		born, rec, err := scanRecord(rows, q.Kind)
		if err != nil {
			return store.Page{}, s.fault("list records of kind "+string(q.Kind), err)
		}
		page.Records, last = append(page.Records, rec), born
	}
	if err := rows.Err(); err != nil {
		return store.Page{}, s.fault("list records of kind "+string(q.Kind), err)
	}
	return page, nil
}

func (s *Store) list(ctx context.Context, q store.Query, limit int) (*sql.Rows, error) {
	before := int64(math.MaxInt64)
	if q.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil {
			return nil, fmt.Errorf("read the cursor: %w", err)
		}
	}
	now := s.clock.Now().UnixMilli()
	if q.Index == (store.Index{}) {
		return s.reads.all.QueryContext(ctx, string(q.Kind), before, now, limit)
	}
	return s.reads.indexed.QueryContext(ctx, string(q.Kind), q.Index.Name, blob(q.Index.Value), before, now, limit)
}

// Counter implements store.Store.
func (s *Store) Counter(ctx context.Context, name string) (int64, error) {
	c, err := scanCounter(s.reads.counter.QueryRowContext(ctx, blob(name)))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, s.fault("read a counter", err)
	}
	return c.At(s.clock.Now()), nil
}

type scanner interface{ Scan(into ...any) error }

func scanRecord(row scanner, kind store.Kind) (born int64, rec store.Record, err error) {
	var id, packed []byte
	var version int64
	var expires sql.NullInt64
	if err := row.Scan(&born, &id, &version, &expires, &packed, &rec.Value); err != nil {
		return 0, store.Record{}, err
	}
	rec.Key = store.Key{Kind: kind, ID: string(id)}
	rec.Version, rec.Expires = store.Version(version), fromMillis(expires)
	rec.Index, err = unpack(packed)
	return born, rec, err
}

func scanCounter(row scanner) (batch.Counter, error) {
	var c batch.Counter
	var expires sql.NullInt64
	err := row.Scan(&c.Value, &expires)
	c.Expires = fromMillis(expires)
	return c, err
}
