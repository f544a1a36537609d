package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// tries is how often a batch is begun anew when nothing of it was written.
const tries = 7

// A writer commits batches over a connection of its own, which it renews when
// it was lost. It is not safe for concurrent use.
type writer struct {
	s    *Store
	conn *pgx.Conn // nil when lost
}

// persist commits what passes of txs. It starts again when the server was
// away or broke a deadlock; nothing was written then.
func (w *writer) persist(txs []store.Tx) ([]batch.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.s.patience)
	defer cancel()
	w.s.claims.watchLines(txs)
	wait := 10 * time.Millisecond
	for try := 1; ; try++ {
		outcomes, err := w.attempt(ctx, txs)
		if err == nil || !passing(err) || try == tries || !pause(ctx, wait) {
			return outcomes, err
		}
		wait *= 2
	}
}

// attempt commits what passes of txs, once. Any error other than
// store.ErrUnknownOutcome means that nothing was written.
func (w *writer) attempt(ctx context.Context, txs []store.Tx) ([]batch.Outcome, error) {
	state, err := w.read(ctx, txs)
	if err != nil {
		w.hangUp()
		return nil, err
	}
	w.s.claims.compare(state.Heads)
	effects, outcomes := batch.Decide(txs, state.State)
	if effects.Empty() {
		return outcomes, w.rollback(ctx)
	}
	if err := w.write(ctx, state, &effects); err != nil {
		return nil, err
	}
	w.s.claims.advance(effects.Entries)
	if len(effects.Changes) > 0 {
		w.s.committed.ring()
	}
	return outcomes, nil
}

// write writes and commits effects. When the answer is lost it finds out
// whether they were committed.
func (w *writer) write(ctx context.Context, state *state, effects *batch.Effects) error {
	id := newCommitID()
	err := w.send(ctx, statements(id, state, effects))
	if err == nil {
		return nil
	}
	w.hangUp()
	if refused(err) {
		return err
	}
	committed, unknown := w.s.resolve(id)
	if unknown != nil {
		w.s.claims.forget(effects.Entries)
		return fmt.Errorf("%w: %w; then: %w", store.ErrUnknownOutcome, err, unknown)
	}
	if committed {
		return nil
	}
	return err
}

// rollback ends a transaction that has nothing to write. If that fails the
// connection is given up, which does the same.
func (w *writer) rollback(ctx context.Context) error {
	if _, err := w.conn.Exec(ctx, "rollback"); err != nil {
		w.hangUp()
	}
	return nil
}

// send sends all statements at once and waits for all answers.
func (w *writer) send(ctx context.Context, b *pgx.Batch) error {
	return w.conn.SendBatch(ctx, b).Close()
}

func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	conn, err := w.s.dial.connect(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	return nil
}

func (w *writer) hangUp() {
	if w.conn != nil {
		hangUp(w.conn)
		w.conn = nil
	}
}

func newCommitID() [16]byte {
	var id [16]byte
	rand.Read(id[:])
	return id
}

// refused says whether the server itself refused a statement, so that the
// transaction is certainly not committed. A fatal error is no such answer: it
// can end a session that had just committed.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR"
}

// passing says whether what failed may go better when repeated.
func passing(err error) bool {
	if errors.Is(err, store.ErrUnknownOutcome) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return true // the connection broke, or could not be made
	}
	switch e.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"25006",          // a primary that became a standby
		"25P03", "25P04", // idle too long: this process was paused
		"57P01", "57P02", "57P03", // shutdown, crash, starting up
		"53200", "53300": // no room for locks or connections just now
		return true
	}
	return false
}

// blamesData says whether the server refused a statement for what it holds
// (classes 21 to 23: data and constraints; 54: limits).
func blamesData(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) || len(e.Code) != 5 {
		return false
	}
	switch e.Code[:2] {
	case "21", "22", "23", "54":
		return true
	}
	return false
}
