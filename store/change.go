package store

import (
	"context"
	"errors"
	"fmt"
)

// maxTries bounds how often a change starts again after a conflict.
const maxTries = 20

// Change builds a transaction and commits it, from the start whenever
// something that it rests on has changed meanwhile. The error of build is
// returned as it is; what names the change in other errors. A counter that
// would pass its maximum is no reason to start again: that is a *ConflictError.
func (db *DB) Change(ctx context.Context, what string, build func(*Tx) error) error {
	for range maxTries {
		var tx Tx
		if err := build(&tx); err != nil || tx.Empty() {
			return err
		}
		_, err := db.Commit(ctx, tx)
		if err == nil {
			return nil
		}
		var full *ConflictError
		if !Again(err) || errors.As(err, &full) && full.Counter != "" {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return fmt.Errorf("%s: %w", what, ErrConflict)
}

// Settle is Change for what is made once and told to somebody: where the
// outcome of the commit could not be learnt, build is called again, and must
// find what the first attempt may have left behind.
func (db *DB) Settle(ctx context.Context, what string, build func(*Tx) error) error {
	err := db.Change(ctx, what, build)
	if errors.Is(err, ErrUnknownOutcome) {
		err = db.Change(ctx, what, build)
	}
	return err
}
