package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

// ask runs a reading. It waits no longer than the store is patient, and asks
// once more when the connection turns out to be dead: after a restart of the
// server those of the pool all are.
func ask[T any](ctx context.Context, s *Store, reading func(context.Context) (T, error)) (T, error) {
	var none T
	if err := s.open(ctx); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	answer, err := reading(ctx)
	if err != nil && passing(err) {
		s.pool.Reset()
		answer, err = reading(ctx)
	}
	if err != nil {
		return none, s.fault(err)
	}
	return answer, nil
}

// askRows reads all rows of a query.
func askRows[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], query string, args ...any) ([]T, error) {
	return ask(ctx, s, func(ctx context.Context) ([]T, error) {
		rows, err := s.pool.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, scan)
	})
}

// open refuses what comes after Close, or with a context that is done.
func (s *Store) open(ctx context.Context) error {
	if s.closing.Err() != nil {
		return store.ErrClosed
	}
	return ctx.Err()
}

// fault explains an error; one that comes of closing is store.ErrClosed.
func (s *Store) fault(err error) error {
	if s.closing.Err() != nil {
		return store.ErrClosed
	}
	return explain(err)
}

func (s *Store) now() int64 { return s.clock.Now().UnixNano() }
