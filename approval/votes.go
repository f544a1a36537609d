package approval

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// standingVotes are the votes of those who may still answer: somebody who was
// disabled or lost the role since has said nothing. tx asserts that it stays
// so until the commit.
func (s *Service) standingVotes(ctx context.Context, tx *store.Tx, r Request) ([]Vote, error) {
	if len(r.Decisions) == 0 || s.config.Person == nil {
		return r.Decisions, nil
	}
	var standing []Vote
	for _, v := range r.Decisions {
		of := store.EpochIDs{Subject: ostiary.Subject(v.By.Identifier)}
		s.epochs.Forget(of)
		at, err := s.epochs.Of(ctx, of)
		if err != nil {
			return nil, fmt.Errorf("look for who has said yes: %w", err)
		}
		d, err := s.config.Person(ctx, of.Subject)
		if err != nil {
			return nil, fmt.Errorf("look for who has said yes: %w", err)
		}
		if r.MayDecide(d) == nil {
			s.epochs.Assert(tx, of, at)
			standing = append(standing, v)
		}
	}
	return standing, nil
}
