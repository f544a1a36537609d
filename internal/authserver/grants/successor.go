package grants

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A successor is the refresh token that came of another one, sealed under a
// key that only who has the other one can make. It is gone with the grace.
type successor struct {
	Owner  ostiary.Subject `json:"owner"`
	Sealed []byte          `json:"sealed"`
	Till   time.Time       `json:"till"`
}

// Row implements store.Rower.
func (s successor) Row() store.Row { return store.Row{Owner: s.Owner, Expires: s.Till} }

// A sealing says of which token a successor is.
type sealing struct {
	old   ostiary.Secret
	hash  string
	owner ostiary.Subject
	used  time.Time
}

// spare keeps a successor somewhat beyond the grace: storage rounds times, and
// who is within it must find it.
const spare = time.Second

const successorSealing = "refresh successor"

func (g *Grants) sealSuccessor(ctx context.Context, tx *store.Tx, of sealing, next ostiary.Secret) error {
	if g.config.RefreshGrace <= 0 {
		return nil
	}
	sealed, err := SealFor(of.old, successorSealing, of.hash, next)
	if err != nil {
		return err
	}
	return g.successors.Put(ctx, tx, of.hash, successor{of.owner, sealed, of.used.Add(g.config.RefreshGrace + spare)})
}

func (g *Grants) successor(ctx context.Context, old ostiary.Secret, hash string) (ostiary.Secret, error) {
	s, _, err := g.successors.Get(ctx, hash)
	if err != nil {
		return "", fmt.Errorf("find the successor of a refresh token: %w", err)
	}
	next, err := OpenFor(old, successorSealing, hash, s.Sealed)
	if err != nil {
		return "", fmt.Errorf("open the successor of a refresh token: %w", err)
	}
	return next, nil
}
