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
// moment of the last d. When the clock was set back by more than that, nobody
// can say.
func (db *DB) ConfirmedWithin(d time.Duration) bool {
	ago := time.Duration(db.clock.Now().UnixMilli()-db.feed.confirmed.Load()) * time.Millisecond
	return -d <= ago && ago <= d
}

// follow hands on what it hears. Whatever was read before the feed began may
// have changed unheard, so the first thing heard is preceded by a Resync.
func (db *DB) follow(ctx context.Context) error {
	begun := false
	for change, err := range db.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if !begun {
			db.tell(Resync)
			begun = true
		}
		db.hear(change)
	}
	return nil
}

// hear takes one change. Only a heartbeat confirms: behind any other more
// may wait to be heard.
func (db *DB) hear(c Change) {
	if c.Heartbeat {
		db.feed.confirmed.Store(db.clock.Now().UnixMilli())
		return
	}
	db.tell(c)
}

func (db *DB) tell(c Change) {
	if c.Key.Kind == kindDataKey || c == Resync {
		db.people.forget(c.Key)
	}
	db.feed.mu.Lock()
	defer db.feed.mu.Unlock()
	for _, f := range db.feed.listeners {
		f(c)
	}
}
