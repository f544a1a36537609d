package identity

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/store"
)

// lastUsed keeps when tokens were last used: noted in memory on the path of
// a call, written aside at most once a minute. It may be lost, and nothing
// rests on it.
type lastUsed struct {
	db    *store.DB
	table store.Table[usedAt]

	mu    sync.Mutex
	noted map[string]time.Time
}

type usedAt struct {
	At time.Time `json:"at"`
}

// Row implements store.Rower.
func (usedAt) Row() store.Row { return store.Row{} }

func newLastUsed(db *store.DB) *lastUsed {
	return &lastUsed{db: db, table: store.NewTable[usedAt](db, "last-used"), noted: map[string]time.Time{}}
}

func (l *lastUsed) note(id string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted[id] = now
}

func (l *lastUsed) of(ctx context.Context, id string) (time.Time, error) {
	l.mu.Lock()
	at, ok := l.noted[id]
	l.mu.Unlock()
	if ok {
		return at.Truncate(time.Minute), nil
	}
	u, _, err := l.table.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return u.At, err
}

// Flush writes what was noted since the last time. The gateway calls it once
// a minute.
func (t *Tokens) Flush(ctx context.Context) error {
	l := t.used
	l.mu.Lock()
	noted := l.noted
	l.noted = map[string]time.Time{}
	l.mu.Unlock()
	var tx store.Tx
	for id, at := range noted {
		if err := l.table.Put(ctx, &tx, id, usedAt{at.Truncate(time.Minute)}); err != nil {
			return err
		}
	}
	if tx.Empty() {
		return nil
	}
	_, err := l.db.Commit(ctx, tx)
	return err
}
