package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

const (
	kindCheckpoint store.Kind = "audit_checkpoint"
	kindLatest     store.Kind = "audit_latest"
	latest                    = "latest"
)

// checkpointKept is how long checkpoints stay in storage. The newest stays
// until there is a newer one.
const checkpointKept = 30 * 24 * time.Hour

// A kept checkpoint is a signed note in storage.
type kept struct {
	Note    []byte    `json:"note"`
	Expires time.Time `json:"expires,omitzero"`
}

// Row implements store.Rower.
func (k kept) Row() store.Row { return store.Row{Expires: k.Expires} }

// PublicKey is the key that checkpoints are signed with, as a line of text.
// Kept outside, it proves that a checkpoint or an export is of this house.
func (r *Reader) PublicKey() string { return r.signer.public }

// Checkpoint returns the newest checkpoint as a signed note. An error wraps
// store.ErrNotFound when none was made yet.
func (r *Reader) Checkpoint(ctx context.Context) ([]byte, error) {
	k, _, err := r.latest.Get(ctx, latest)
	if err != nil {
		return nil, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	return k.Note, nil
}

// composeTries bounds how often a checkpoint is composed again because
// another instance made one meanwhile.
const composeTries = 10

// compose makes and keeps a checkpoint over the kept heads of all logs, and
// returns it. fresh false: nothing is new since the newest one.
func (r *Reader) compose(ctx context.Context) (signed []byte, fresh bool, err error) {
	for range composeTries {
		signed, fresh, err = r.tryCompose(ctx)
		if !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("make a checkpoint: %w", err)
	}
	return signed, fresh, nil
}

func (r *Reader) tryCompose(ctx context.Context) (signed []byte, fresh bool, err error) {
	before, version, err := r.latest.Get(ctx, latest)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, false, err
	}
	states, err := r.states(ctx)
	if err != nil {
		return nil, false, err
	}
	if version != 0 {
		same, err := r.compare(before.Note, states)
		if same || err != nil {
			return before.Note, false, err
		}
	}
	now := r.db.Clock().Now().UTC()
	if signed, err = r.signer.sign(Checkpoint{now, states}); err != nil {
		return nil, false, err
	}
	return signed, true, r.keep(ctx, signed, now, version)
}

func (r *Reader) keep(ctx context.Context, signed []byte, now time.Time, before store.Version) error {
	var tx store.Tx
	if err := r.latest.Update(ctx, &tx, latest, kept{Note: signed}, before); err != nil {
		return err
	}
	if err := r.checkpoints.Create(ctx, &tx, ostiary.NewID("chk"), kept{signed, now.Add(checkpointKept)}); err != nil {
		return err
	}
	_, err := r.db.Commit(ctx, tx)
	return err
}

// states are the trees of all logs as they were kept last.
func (r *Reader) states(ctx context.Context) ([]LogState, error) {
	heads, err := r.heads.All(ctx, store.Index{})
	if err != nil {
		return nil, err
	}
	states := make([]LogState, len(heads))
	for i, h := range heads {
		states[i] = LogState{h.Value.Log, uint64(h.Value.Tree.Size), h.Value.Tree.root()}
	}
	slices.SortFunc(states, func(a, b LogState) int { return strings.Compare(a.Log, b.Log) })
	return states, nil
}

// compare says whether the states are those of the checkpoint before. Logs
// only grow: what has shrunk is not signed.
func (r *Reader) compare(before []byte, states []LogState) (same bool, err error) {
	c, err := ParseCheckpoint(before, r.signer)
	if err != nil {
		return false, err
	}
	now := map[string]uint64{}
	for _, s := range states {
		now[s.Log] = s.Size
	}
	for _, s := range c.Logs {
		if now[s.Log] < s.Size {
			return false, fmt.Errorf("%s has %d entries and had %d: %w", s.Log, now[s.Log], s.Size, store.ErrTampered)
		}
	}
	return slices.Equal(c.Logs, states), nil
}
