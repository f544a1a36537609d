package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

const (
	maxChanges = 10_000
	heartbeat  = 200 * time.Millisecond
)

// feed keeps the newest changes. It is guarded by the store's lock.
type feed struct {
	changes []batch.Change
	end     store.Version // the number of the newest change ever
	lost    store.Version // the number of the newest change that was dropped
	wake    chan struct{} // closed and replaced when there is something new
}

func newFeed() feed { return feed{wake: make(chan struct{})} }

func (f *feed) publish(changes []batch.Change) {
	if len(changes) == 0 {
		return
	}
	f.changes = append(f.changes, changes...)
	f.end = changes[len(changes)-1].Number
	if over := len(f.changes) - maxChanges; over > 0 {
		f.lost = f.changes[over-1].Number
		f.changes = slices.Delete(f.changes, 0, over)
	}
	close(f.wake)
	f.wake = make(chan struct{})
}

// after are the changes behind a place, and a channel that is closed when
// there is more.
func (s *Store) after(at store.Version) ([]batch.Change, <-chan struct{}, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, store.ErrClosed
	}
	if at < s.feed.lost || at > s.feed.end {
		return nil, nil, fmt.Errorf("follow changes from %d: %w", at, store.ErrPositionLost)
	}
	i, _ := slices.BinarySearchFunc(s.feed.changes, at+1, func(c batch.Change, n store.Version) int {
		return cmp.Compare(c.Number, n)
	})
	return slices.Clone(s.feed.changes[i:]), s.feed.wake, nil
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, from store.Position) iter.Seq2[store.Change, error] {
	at, err := s.place(from)
	return func(yield func(store.Change, error) bool) {
		if err != nil {
			yield(store.Change{}, err)
			return
		}
		s.follow(ctx, at, yield)
	}
}

func (s *Store) follow(ctx context.Context, at store.Version, yield func(store.Change, error) bool) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		changes, more, err := s.after(at)
		if err != nil {
			yield(store.Change{}, err)
			return
		}
		for _, c := range changes {
			at = c.Number
			if !yield(c.Announce(), nil) {
				return
			}
		}
		if !yield(store.Change{Position: position(at), Heartbeat: true}, nil) {
			return
		}
		select {
		case <-more:
		case <-beat.C:
		case <-ctx.Done():
		}
	}
}

func (s *Store) place(from store.Position) (store.Version, error) {
	if from == "" {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.feed.end, nil
	}
	at, err := strconv.ParseUint(string(from), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a position in the feed of changes: %w", err)
	}
	return store.Version(at), nil
}

func position(at store.Version) store.Position {
	return store.Position(strconv.FormatUint(uint64(at), 10))
}
