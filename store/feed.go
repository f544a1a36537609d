package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// feed hands the driver's changes to the caches of this process.
type feed struct {
	mu        sync.Mutex
	listeners map[int]func(Change)
	next      int
	confirmed atomic.Int64 // unix milliseconds
}

// Resync is the change that listeners get when the feed had a gap: whatever
// they remember may be old. Its Key is zero.
var Resync = Change{}

// OnChange calls f for every change that Watch sees, one at a time, until
// cancel is called. f must be quick. Heartbeats are not handed on.
func (db *DB) OnChange(f func(Change)) (cancel func()) {
	db.feed.mu.Lock()
	defer db.feed.mu.Unlock()
	if db.feed.listeners == nil {
		db.feed.listeners = map[int]func(Change){}
	}
	id := db.feed.next
	db.feed.next++
	db.feed.listeners[id] = f
	return func() {
		db.feed.mu.Lock()
		defer db.feed.mu.Unlock()
		delete(db.feed.listeners, id)
	}
}

// Watch follows the feed of changes until ctx is done. It starts again by
// itself after a fault, and tells every listener to forget what it knows.
func (db *DB) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := db.follow(ctx)
		db.tell(Resync)
		if err == nil || errors.Is(err, ErrPositionLost) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ConfirmedWithin says whether the feed was known to be complete at some
// moment of the last d.
func (db *DB) ConfirmedWithin(d time.Duration) bool {
	return db.clock.Now().UnixMilli()-db.feed.confirmed.Load() <= d.Milliseconds()
}

func (db *DB) follow(ctx context.Context) error {
	for change, err := range db.Changes(ctx, "") {
		if err != nil {
			return err
		}
		db.feed.confirmed.Store(db.clock.Now().UnixMilli())
		if change.Heartbeat {
			continue
		}
		if change.Key.Kind == kindDataKey {
			db.forgetOwner(change.Key)
		}
		db.tell(change)
	}
	return nil
}

func (db *DB) tell(c Change) {
	db.feed.mu.Lock()
	defer db.feed.mu.Unlock()
	for _, f := range db.feed.listeners {
		f(c)
	}
}
