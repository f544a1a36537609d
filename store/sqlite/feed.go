package sqlite

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

const (
	pollEvery     = 50 * time.Millisecond // for what other processes commit
	beatEvery     = 200 * time.Millisecond
	changesAtOnce = 500
)

const (
	getChanges = `SELECT number, kind, id, version, (SELECT min(number) FROM changes) FROM changes
		WHERE number > ? ORDER BY number LIMIT ?`
	getBounds = `SELECT (SELECT min(number) FROM changes), (SELECT max(number) FROM changes)`
)

// news wakes followers of the feed when this process has committed.
type news struct {
	mu   sync.Mutex
	wake chan struct{}
}

func newNews() *news { return &news{wake: make(chan struct{})} }

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.wake)
	n.wake = make(chan struct{})
}

// next is closed at the next telling.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wake
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, from store.Position) iter.Seq2[store.Change, error] {
	at, err := s.begin(ctx, from)
	return func(yield func(store.Change, error) bool) {
		if err != nil {
			yield(store.Change{}, s.fault("follow changes", err))
			return
		}
		s.follow(ctx, at, yield)
	}
}

// begin is the number behind which the feed is followed.
func (s *Store) begin(ctx context.Context, from store.Position) (int64, error) {
	oldest, newest, err := s.bounds(ctx)
	if err != nil || from == "" {
		return newest, err
	}
	at, err := strconv.ParseInt(string(from), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a position: %w", err)
	}
	if at < oldest || at > newest {
		return 0, store.ErrPositionLost
	}
	return at, nil
}

func (s *Store) bounds(ctx context.Context) (oldest, newest int64, err error) {
	err = s.db.QueryRowContext(ctx, getBounds).Scan(&oldest, &newest)
	return oldest, newest, err
}

func (s *Store) follow(ctx context.Context, at int64, yield func(store.Change, error) bool) {
	poll, beat := time.NewTicker(pollEvery), time.NewTicker(beatEvery)
	defer poll.Stop()
	defer beat.Stop()
	for due := true; ctx.Err() == nil; {
		more := s.news.next()
		changes, err := s.after(ctx, at)
		if err != nil {
			if ctx.Err() == nil {
				yield(store.Change{}, s.fault("follow changes", err))
			}
			return
		}
		for _, c := range changes {
			at = int64(c.Number)
			if !yield(c.Announce(), nil) {
				return
			}
		}
		if len(changes) == changesAtOnce {
			continue
		}
		if due && !yield(store.Change{Position: position(at), Heartbeat: true}, nil) {
			return
		}
		due = false
		select {
		case <-more:
		case <-poll.C:
		case <-beat.C:
			due = true
		case <-ctx.Done():
		}
	}
}

// after are the next changes behind a number.
func (s *Store) after(ctx context.Context, at int64) ([]batch.Change, error) {
	rows, err := s.reads.changes.QueryContext(ctx, at, changesAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var changes []batch.Change
	for rows.Next() {
		var number, version, oldest int64
		var kind string
		var id []byte
		if err := rows.Scan(&number, &kind, &id, &version, &oldest); err != nil {
			return nil, err
		}
		if oldest > at {
			return nil, store.ErrPositionLost
		}
		k := store.Key{Kind: store.Kind(kind), ID: string(id)}
		changes = append(changes, batch.Change{Number: store.Version(number), Key: k, Version: store.Version(version)})
	}
	return changes, rows.Err()
}

func position(at int64) store.Position { return store.Position(strconv.FormatInt(at, 10)) }
