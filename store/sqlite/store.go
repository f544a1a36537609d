package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// A Store is an open database. It is safe for concurrent use; several Stores
// and processes may have the same file open.
type Store struct {
	path  string
	clock ostiary.Clock
	log   *slog.Logger
	db    *sql.DB
	reads *reads
	queue *batch.Queue
	tasks chan task
	full  chan struct{} // holds one value when a chunk of a log became full
	news  *news
	locks locks

	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
	running   sync.WaitGroup // the writer and the housekeeper
}

var _ store.Store = (*Store)(nil)

func (s *Store) start(first *sql.Conn) {
	w := &writer{s: s, conn: first}
	s.running.Go(w.run)
	s.running.Go(s.keepHouse)
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	return s.queue.Commit(ctx, tx)
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.queue.Close()
		s.running.Wait()
		s.news.tell()
		s.reads.close()
		s.locks.releaseAll()
		s.closeErr = s.db.Close()
	})
	return s.closeErr
}

// fault is the error of a reading method.
func (s *Store) fault(doing string, err error) error {
	if s.isClosed() {
		return fmt.Errorf("%s: %w", doing, store.ErrClosed)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	return fmt.Errorf("%s: %w", doing, explain(err))
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}
