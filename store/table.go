package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
)

// A Row tells the waist what it must know of a value besides its bytes.
type Row struct {
	// Owner is the person whose data key seals the record; "" for the
	// deployment's own. Other people appear in a value by id only.
	Owner ostiary.Subject
	// Expires is when the record is gone, to the millisecond; zero: never.
	Expires time.Time
	// Index holds the values under which the record is found by List.
	Index []Index
}

// A Rower is a value that can be kept in a Table.
type Rower interface {
	Row() Row
}

// A Table gives typed access to the records of one kind. Values are JSON
// inside; they are sealed before they reach a driver, and what comes back is
// checked to be what was written. It is safe for concurrent use.
type Table[T Rower] struct {
	db   *DB
	kind Kind
}

// NewTable returns the table of a kind.
func NewTable[T Rower](db *DB, kind Kind) Table[T] { return Table[T]{db, kind} }

// An Item is one value of a list.
type Item[T any] struct {
	ID      string
	Value   T
	Version Version
}

// Get reads one value. It returns an error wrapping ErrNotFound when there
// is none, it has expired, or its owner's key was destroyed, and one wrapping
// ErrTampered when it was changed from outside.
func (t Table[T]) Get(ctx context.Context, id string) (T, Version, error) {
	var zero T
	k := t.Key(id)
	rec, err := t.db.Store.Get(ctx, k)
	if err != nil {
		return zero, 0, fmt.Errorf("read %s: %w", t.kind, err)
	}
	item, err := t.open(ctx, rec)
	if err != nil {
		return zero, 0, err
	}
	if item.ID != id {
		return zero, 0, fmt.Errorf("read %s: %w", t.kind, ErrTampered)
	}
	return item.Value, item.Version, nil
}

// List reads one page of the values found under an index value, newest
// first; the zero Index lists all. Records whose owner's key was destroyed
// are left out.
func (t Table[T]) List(ctx context.Context, index Index, limit int, cursor string) ([]Item[T], string, error) {
	want := t.db.hashIndex(t.kind, index)
	page, err := t.db.Store.List(ctx, Query{Kind: t.kind, Index: want, Limit: limit, Cursor: cursor})
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", t.kind, err)
	}
	items := make([]Item[T], 0, len(page.Records))
	for _, rec := range page.Records {
		item, err := t.open(ctx, rec)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if want.Name != "" && !slices.Contains(rec.Index, want) {
			return nil, "", fmt.Errorf("list %s: %w", t.kind, ErrTampered)
		}
		items = append(items, item)
	}
	return items, page.Next, nil
}

// All reads every value found under an index value, newest first.
func (t Table[T]) All(ctx context.Context, index Index) ([]Item[T], error) {
	var all []Item[T]
	for cursor := ""; ; {
		items, next, err := t.List(ctx, index, 1000, cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}

// Key is the row of an id, for asserts.
func (t Table[T]) Key(id string) Key { return t.db.RowKey(t.kind, id) }

// Put adds a write of v to tx, whatever stood there before.
func (t Table[T]) Put(ctx context.Context, tx *Tx, id string, v T) error {
	value, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", t.kind, err)
	}
	row := v.Row()
	row.Expires = row.Expires.Truncate(time.Millisecond)
	key, err := t.db.sealer(ctx, row.Owner)
	if err != nil {
		return fmt.Errorf("seal %s: %w", t.kind, err)
	}
	index := t.db.hashIndexes(t.kind, row.Index)
	k := t.Key(id)
	sealed, err := sealValue(key.aead, key.owner, k, envelope{id, string(row.Owner), millis(row.Expires), index, value})
	if err != nil {
		return err
	}
	tx.Put(Put{Key: k, Value: sealed, Index: index, Expires: row.Expires})
	return nil
}

// Create adds a write of v that conflicts when id exists.
func (t Table[T]) Create(ctx context.Context, tx *Tx, id string, v T) error {
	tx.Assert(t.Key(id), 0)
	return t.Put(ctx, tx, id, v)
}

// Update adds a write of v that conflicts when id is no longer at version.
func (t Table[T]) Update(ctx context.Context, tx *Tx, id string, v T, at Version) error {
	tx.Assert(t.Key(id), at)
	return t.Put(ctx, tx, id, v)
}

// Delete adds the deletion of id, which conflicts when it is no longer at
// version: of many who try, one succeeds.
func (t Table[T]) Delete(tx *Tx, id string, at Version) {
	tx.Assert(t.Key(id), at)
	tx.Delete(t.Key(id))
}

func (t Table[T]) open(ctx context.Context, rec Record) (Item[T], error) {
	owner, err := ownerRef(rec.Value)
	if err != nil {
		return Item[T]{}, fmt.Errorf("read %s: %w", t.kind, err)
	}
	key, err := t.db.opener(ctx, owner)
	if err != nil {
		return Item[T]{}, fmt.Errorf("read %s: %w", t.kind, err)
	}
	env, err := openValue(key.aead, rec.Key, rec.Value)
	if err != nil {
		return Item[T]{}, err
	}
	if millis(rec.Expires) != env.Expires || !slices.Equal(rec.Index, env.Index) || t.Key(env.ID) != rec.Key {
		return Item[T]{}, fmt.Errorf("read %s: %w", t.kind, ErrTampered)
	}
	item := Item[T]{ID: env.ID, Version: rec.Version}
	if err := json.Unmarshal(env.Value, &item.Value); err != nil {
		return Item[T]{}, fmt.Errorf("decode %s: %w", t.kind, err)
	}
	return item, nil
}
