package guard

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// maxWrites bounds how often an entry is written again because what goes
// with it changed, or its log was lost to somebody else.
const maxWrites = 8

// write commits an entry together with what change adds. change is called
// anew for every attempt.
func (g *Guard) write(ctx context.Context, e audit.Entry, change func(*store.Tx) error) error {
	var err error
	for range maxWrites {
		var tx store.Tx
		if err := change(&tx); err != nil {
			return err
		}
		g.Log.Append(&tx, e)
		if _, err = g.DB.Commit(ctx, tx); !store.Again(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("write an entry of kind %s: %w", e.Kind, err)
	}
	return nil
}
