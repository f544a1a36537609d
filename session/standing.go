package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// ErrMoved means that something was revoked since a person gave what a draft
// says: it has to be asked for again.
var ErrMoved = errors.New("what was given has been revoked since")

// Standing is where the epochs that concern a draft stand: of its person, its
// client, their tenant and the deployment. What is kept beside a draft that
// becomes a session later tells Unmoved whether it still may.
func (s *Sessions) Standing(ctx context.Context, d Draft) (ostiary.Epochs, error) {
	_, at, err := s.standing(ctx, d)
	return at, err
}

// Unmoved adds to tx that the epochs of a draft stand where they stood, so that
// no session is opened from what was given before a revocation. It must return
// an error wrapping ErrMoved if they don't.
func (s *Sessions) Unmoved(ctx context.Context, tx *store.Tx, d Draft, since ostiary.Epochs) error {
	ids, at, err := s.standing(ctx, d)
	if err != nil {
		return err
	}
	if at != since {
		return fmt.Errorf("%w: session of %q for client %q", ErrMoved, d.Subject, d.Client.ID)
	}
	s.epochs.Assert(tx, ids, at)
	return nil
}

func (s *Sessions) standing(ctx context.Context, d Draft) (store.EpochIDs, ostiary.Epochs, error) {
	ids := store.EpochIDs{Subject: d.Subject, Client: d.Client.ID}
	owner, err := s.users.Get(ctx, d.Subject)
	if err != nil && !errors.Is(err, identity.ErrUserNotFound) {
		return ids, ostiary.Epochs{}, err
	}
	if err == nil {
		ids.Tenant = s.users.Tenant(owner)
	}
	s.epochs.Forget(ids)
	at, err := s.epochs.Of(ctx, ids)
	return ids, at, err
}
