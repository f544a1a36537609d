package identity

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/store"
)

// maxTries bounds how often a change starts again after a conflict.
const maxTries = 20

// again builds a change and commits it, from the start whenever something
// that it rests on has changed meanwhile. The error of build is returned as
// it is.
func again(ctx context.Context, db *store.DB, what string, build func(*store.Tx) error) error {
	for range maxTries {
		var tx store.Tx
		if err := build(&tx); err != nil || tx.Empty() {
			return err
		}
		_, err := db.Commit(ctx, tx)
		if err == nil {
			return nil
		}
		if !store.Again(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return fmt.Errorf("%s: %w", what, store.ErrConflict)
}
