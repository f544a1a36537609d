package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/store"
)

// maxTries bounds how often a change starts again after a conflict.
const maxTries = 20

// again builds a change and commits it, from the start whenever something that
// it rests on has changed meanwhile. A counter that is full is ErrFull.
func (r *Registry) again(ctx context.Context, what string, build func(*store.Tx) error) error {
	for range maxTries {
		var tx store.Tx
		if err := build(&tx); err != nil || tx.Empty() {
			return err
		}
		_, err := r.db.Commit(ctx, tx)
		var conflict *store.ConflictError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &conflict) && conflict.Counter != "":
			return ErrFull
		case !store.Again(err):
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return fmt.Errorf("%s: %w", what, store.ErrConflict)
}
