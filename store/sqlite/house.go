package sqlite

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/store"
)

const (
	houseEvery = 10 * time.Second
	sweepBatch = 200     // records that one transaction removes
	trimBatch  = 1000    // changes that one transaction removes
	maxChanges = 100_000 // numbers behind which changes are removed
)

const (
	anyExpired = `SELECT EXISTS (SELECT 1 FROM records WHERE expires <= ?1)
		OR EXISTS (SELECT 1 FROM counters WHERE expires <= ?1)`
	expiredRecords  = `SELECT kind, id FROM records WHERE expires <= ? LIMIT ?`
	expiredCounters = `DELETE FROM counters WHERE name IN (SELECT name FROM counters WHERE expires <= ? LIMIT ?) RETURNING name`
	anyOldChanges   = `SELECT (SELECT max(number) FROM changes) - (SELECT min(number) FROM changes) > ?`
	oldChanges      = `DELETE FROM changes WHERE number IN (SELECT number FROM changes
		WHERE number < (SELECT max(number) FROM changes) - ?1 ORDER BY number LIMIT ?2)`
)

// keepHouse indexes logs, and removes what has expired and old changes, a
// little at a time. What fails is tried again at the next turn.
func (s *Store) keepHouse() {
	ctx := context.Background() // inWriter ends when the store is closed
	turn := time.NewTicker(houseEvery)
	defer turn.Stop()
	for {
		s.housework("index logs", s.indexChunks(ctx))
		select {
		case <-s.full:
		case <-turn.C:
			s.housework("remove what has expired", s.sweep(ctx))
			s.housework("remove old changes", s.trim(ctx, maxChanges))
		case <-s.closing:
			return
		}
	}
}

func (s *Store) housework(doing string, err error) {
	if err != nil && !s.isClosed() {
		s.log.Warn("storage housekeeping", "doing", doing, "error", explain(err))
	}
}

// inWriter runs do in the writer, in a transaction of its own.
func (s *Store) inWriter(ctx context.Context, do func(ctx context.Context, w *writer) error) error {
	t := task{do, make(chan error, 1)}
	select {
	case s.tasks <- t:
		return <-t.done
	case <-s.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweep removes all records and counters that have expired.
func (s *Store) sweep(ctx context.Context) error {
	now := s.clock.Now().UnixMilli()
	return s.whileAny(ctx, anyExpired, now, func(ctx context.Context, w *writer) error {
		if err := w.sweepRecords(ctx, now); err != nil {
			return err
		}
		return w.sweepCounters(ctx, now)
	})
}

// trim removes the changes that are more than keep numbers old.
func (s *Store) trim(ctx context.Context, keep int64) error {
	return s.whileAny(ctx, anyOldChanges, keep, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, oldChanges, keep, trimBatch)
		return err
	})
}

// whileAny runs do in the writer as long as question, asked outside of it,
// is answered with yes.
func (s *Store) whileAny(ctx context.Context, question string, arg int64, do func(context.Context, *writer) error) error {
	for {
		var any bool
		if err := s.db.QueryRowContext(ctx, question, arg).Scan(&any); err != nil || !any {
			return err
		}
		if err := s.inWriter(ctx, do); err != nil {
			return err
		}
	}
}

func (w *writer) sweepRecords(ctx context.Context, now int64) error {
	keys, err := w.expired(ctx, now)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := w.known.row(ctx, w.stmts, k); err != nil {
			return err
		}
		if err := w.remove(ctx, k); err != nil {
			return err
		}
		delete(w.known.rows, k)
	}
	return nil
}

func (w *writer) expired(ctx context.Context, now int64) ([]store.Key, error) {
	rows, err := w.conn.QueryContext(ctx, expiredRecords, now, sweepBatch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []store.Key
	for rows.Next() {
		var kind string
		var id []byte
		if err := rows.Scan(&kind, &id); err != nil {
			return nil, err
		}
		keys = append(keys, store.Key{Kind: store.Kind(kind), ID: string(id)})
	}
	return keys, rows.Err()
}

func (w *writer) sweepCounters(ctx context.Context, now int64) error {
	rows, err := w.conn.QueryContext(ctx, expiredCounters, now, sweepBatch)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name []byte
		if err := rows.Scan(&name); err != nil {
			return err
		}
		delete(w.known.counters, string(name))
	}
	return rows.Err()
}
