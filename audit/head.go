package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/store"
)

const kindHead store.Kind = "audit_head"

// A head is how far the tree of a log was built, and what is needed to go on.
type head struct {
	Log  string `json:"log"`
	Tree tree   `json:"tree"`
	// Low is the number below which every call has its outcome.
	Low uint64 `json:"low"`
}

// Row implements store.Rower.
func (head) Row() store.Row { return store.Row{} }

// head returns the kept head of a log, the empty one when there is none.
func (r *Reader) head(ctx context.Context, log string) (head, store.Version, error) {
	h, v, err := r.heads.Get(ctx, log)
	if errors.Is(err, store.ErrNotFound) {
		return head{Log: log}, 0, nil
	}
	if err != nil {
		return head{}, 0, fmt.Errorf("read the head of %s: %w", log, err)
	}
	return h, v, nil
}
