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
	noted map[string]usedAt
}

// A usedAt is kept as long as its token.
type usedAt struct {
	At       time.Time `json:"at"`
	KeptTill time.Time `json:"kept_until,omitzero"`
}

// Row implements store.Rower.
func (u usedAt) Row() store.Row { return store.Row{Expires: u.KeptTill} }

func newLastUsed(db *store.DB) *lastUsed {
	return &lastUsed{db: db, table: store.NewTable[usedAt](db, "last-used"), noted: map[string]usedAt{}}
}

func (l *lastUsed) note(h *Held, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted[h.ID] = usedAt{now, h.KeptTill}
}

func (l *lastUsed) of(ctx context.Context, id string) (time.Time, error) {
	l.mu.Lock()
	u, ok := l.noted[id]
	l.mu.Unlock()
	if ok {
		return u.At.Truncate(time.Minute), nil
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
	l.noted = map[string]usedAt{}
	l.mu.Unlock()
	var tx store.Tx
	for id, u := range noted {
		u.At = u.At.Truncate(time.Minute)
		if err := l.table.Put(ctx, &tx, id, u); err != nil {
			return err
		}
	}
	if tx.Empty() {
		return nil
	}
	_, err := l.db.Commit(ctx, tx)
	return err
}
