package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"runtime"

	"github.com/ostiary/ostiary/store/internal/batch"
)

// maxBatch bounds how many transactions share one commit.
const maxBatch = 512

// A writer is the one goroutine that writes. Between commits it remembers
// what it read and wrote, as long as no other process writes.
type writer struct {
	s     *Store
	conn  *sql.Conn // nil after a fault, until the next write
	stmts *statements
	known *cache

	packed []byte // lent to one statement after the other, which copies it
}

// keptBuffer bounds, in bytes, what is held between two statements.
const keptBuffer = 1 << 20

func (w *writer) keep(packed []byte) {
	if cap(packed) <= keptBuffer {
		w.packed = packed
	}
}

// A task is housekeeping that runs inside the writer, in a transaction of
// its own.
type task struct {
	do   func(ctx context.Context, w *writer) error
	done chan error
}

func (w *writer) run() {
	defer w.disconnect()
	for {
		select {
		case first, open := <-w.s.queue.Wait():
			if !open {
				return
			}
			runtime.Gosched() // lets those in that were just answered: half the fsyncs at 16 callers
			w.commit(w.s.queue.Take(first, maxBatch))
		case t := <-w.s.tasks:
			t.done <- w.transact(func(ctx context.Context) error { return t.do(ctx, w) })
		}
	}
}

func (w *writer) commit(jobs []*batch.Job) {
	if len(jobs) == 0 {
		return
	}
	txs := batch.Txs(jobs)
	var outcomes []batch.Outcome
	var effects batch.Effects
	err := w.transact(func(ctx context.Context) error {
		state, err := w.known.state(ctx, w.stmts, txs)
		if err != nil {
			return err
		}
		state.Now = w.s.clock.Now()
		effects, outcomes = batch.Decide(txs, state)
		return w.write(ctx, &effects)
	})
	if err != nil {
		batch.Fail(jobs, fmt.Errorf("commit to database %s: %w", w.s.path, explain(err)))
		return
	}
	w.known.learn(&effects)
	for i, j := range jobs {
		j.Done(outcomes[i])
	}
	w.tell(&effects)
}

// tell wakes those who wait for what was just committed.
func (w *writer) tell(e *batch.Effects) {
	if len(e.Changes) > 0 {
		w.s.news.tell()
	}
	for i := range e.Entries {
		if w.known.missesChunk(&e.Entries[i]) {
			w.s.chunkIsFull()
			return
		}
	}
}

// transact runs do inside a transaction. After an error nothing is
// remembered, for it may not be what the file holds.
func (w *writer) transact(do func(ctx context.Context) error) error {
	ctx := context.Background() // once begun, the outcome must be known
	if err := w.begin(ctx); err != nil {
		w.recover(err)
		return err
	}
	err := do(ctx)
	if err == nil {
		_, err = w.stmts.commit.ExecContext(ctx)
	}
	if err != nil {
		_, _ = w.stmts.rollback.ExecContext(ctx) // after some errors there is nothing to roll back
		w.recover(err)
	}
	return err
}

// begin locks the file for writing and makes sure that what is remembered
// is what it holds.
func (w *writer) begin(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	if _, err := w.stmts.begin.ExecContext(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var version int64
	if err := w.stmts.dataVersion.QueryRowContext(ctx).Scan(&version); err != nil {
		_, _ = w.stmts.rollback.ExecContext(ctx)
		return fmt.Errorf("look for other writers: %w", err)
	}
	if w.known == nil || w.known.dataVersion != version {
		w.known = newCache(version)
	}
	return nil
}

func (w *writer) connect(ctx context.Context) error {
	if w.stmts != nil {
		return nil
	}
	if w.conn == nil {
		conn, err := w.s.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		w.conn = conn
	}
	stmts, err := prepare(ctx, w.conn)
	if err != nil {
		return fmt.Errorf("prepare to write: %w", err)
	}
	w.stmts = stmts
	return nil
}

// recover forgets what was remembered, and leaves a connection that a fault
// may have harmed.
func (w *writer) recover(err error) {
	w.known = nil
	if !transient(err) {
		w.disconnect()
	}
}

func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	w.stmts.close()
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // or the pool would keep it
	_ = w.conn.Close()
	w.conn, w.stmts = nil, nil
}
