package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/store"
)

// A record is what is remembered of a transport session beside what its id
// says. A session without one goes on, and nobody has told it anything.
type record struct {
	Owner ostiary.Subject `json:"sub,omitempty"`
	Ends  int64           `json:"end"` // unix seconds, as the session's
	Over  bool            `json:"over,omitempty"`
	// Level is from which level on the client wants to hear logs.
	Level upstream.LogLevel `json:"log,omitempty"`
	// URIs are the resources that the session subscribes to, with the app
	// whose they were when it did.
	URIs map[string]string `json:"uris,omitempty"`
}

func (r *record) hasRoomFor(uri string) bool {
	return len(r.URIs) < maxSubscriptions || r.URIs[uri] != ""
}

// subscribe adds a resource, and says whether that changes anything.
func (r *record) subscribe(uri, app string) bool {
	if r.URIs[uri] == app || !r.hasRoomFor(uri) || r.Over {
		return false
	}
	if r.URIs == nil {
		r.URIs = map[string]string{}
	}
	r.URIs[uri] = app
	return true
}

const kindSession store.Kind = "mcp-session"

// Row implements store.Rower.
func (r record) Row() store.Row {
	return store.Row{Owner: r.Owner, Expires: time.Unix(r.Ends, 0)}
}

// maxRecords bounds how many sessions are remembered; when full, all are
// forgotten and read again.
const maxRecords = 20_000

// records keeps what storage says of sessions, so that a message costs no
// reading. A change, here or elsewhere, makes it forget that session.
type records struct {
	db    *store.DB
	table store.Table[record]
	close func()
	bells bells // ring when a record may have changed

	mu    sync.RWMutex
	known map[string]record // by session key
	rows  map[store.Key]string
	moved uint64 // how often something was forgotten
}

func newRecords(db *store.DB) *records {
	r := &records{db: db, table: store.NewTable[record](db, kindSession), known: map[string]record{}, rows: map[store.Key]string{}}
	r.close = db.OnChange(func(c store.Change) {
		if c.Key.Kind == kindSession || c == store.Resync {
			r.forget(c.Key)
		}
	})
	return r
}

// of returns the record of a session; the zero record where there is none.
func (r *records) of(ctx context.Context, key string) (record, error) {
	r.mu.RLock()
	rec, ok := r.known[key]
	moved := r.moved
	r.mu.RUnlock()
	if ok {
		return rec, nil
	}
	rec, _, err := r.table.Get(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return record{}, fmt.Errorf("read what is remembered of a session: %w", err)
	}
	r.keep(key, rec, moved)
	return rec, nil
}

// keep remembers what was read, unless something was forgotten meanwhile: it
// may have been this one.
func (r *records) keep(key string, rec record, moved uint64) {
	row := r.table.Key(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moved != moved {
		return
	}
	if len(r.known) >= maxRecords {
		clear(r.known)
		clear(r.rows)
	}
	r.known[key], r.rows[row] = rec, key
}

// forget drops the session whose record stands at row; the zero Key drops
// all.
func (r *records) forget(row store.Key) {
	defer r.bells.ring(row)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved++
	if row == (store.Key{}) {
		clear(r.known)
		clear(r.rows)
		return
	}
	delete(r.known, r.rows[row])
	delete(r.rows, row)
}

// maxChanges bounds how often a change is made again because another came
// between.
const maxChanges = 8

// change changes the record of a session and returns when that is durable. f
// may be called again, with what another change left; false means that there
// is nothing to change.
func (r *records) change(ctx context.Context, t *session, f func(*record) bool) error {
	var err error
	for range maxChanges {
		if err = r.tryChange(ctx, t, f); !store.Again(err) {
			break
		}
	}
	r.forget(r.table.Key(t.Key))
	if err != nil {
		return fmt.Errorf("change what is remembered of a session: %w", err)
	}
	return nil
}

func (r *records) tryChange(ctx context.Context, t *session, f func(*record) bool) error {
	rec, at, err := r.table.Get(ctx, t.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	rec.Owner, rec.Ends = t.Holder.Subject, t.Ends
	if !f(&rec) {
		return nil
	}
	var tx store.Tx
	if err := r.table.Update(ctx, &tx, t.Key, rec, at); err != nil {
		return err
	}
	_, err = r.db.Commit(ctx, tx)
	return err
}
