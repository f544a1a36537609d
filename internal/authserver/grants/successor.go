package grants

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
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

func (g *Grants) sealSuccessor(ctx context.Context, tx *store.Tx, of sealing, next ostiary.Secret) error {
	if g.config.RefreshGrace <= 0 {
		return nil
	}
	aead, err := successorAEAD(of.old)
	if err != nil {
		return err
	}
	sealed := aead.Seal(nil, nil, []byte(next.Reveal()), []byte(of.hash))
	return g.successors.Put(ctx, tx, of.hash, successor{of.owner, sealed, of.used.Add(g.config.RefreshGrace + spare)})
}

func (g *Grants) successor(ctx context.Context, old ostiary.Secret, hash string) (ostiary.Secret, error) {
	s, _, err := g.successors.Get(ctx, hash)
	if err != nil {
		return "", fmt.Errorf("find the successor of a refresh token: %w", err)
	}
	aead, err := successorAEAD(old)
	if err != nil {
		return "", err
	}
	next, err := aead.Open(nil, nil, s.Sealed, []byte(hash))
	if err != nil {
		return "", fmt.Errorf("open the successor of a refresh token: %w", err)
	}
	return ostiary.Secret(next), nil
}

// successorAEAD carries its random nonce in front. Its key is used once.
func successorAEAD(old ostiary.Secret) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(old.Reveal()), nil, "ostiary/v1/refresh successor", store.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a successor: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
