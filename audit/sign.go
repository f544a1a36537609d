package audit

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const signerName = "ostiary-audit"

// A signer signs checkpoints with the deployment's key (Ed25519, RFC 8032).
// All instances have the same one.
type signer struct {
	note.Verifier
	key    ed25519.PrivateKey
	public string
}

func newSigner(seed []byte) *signer {
	key := ed25519.NewKeyFromSeed(seed)
	public, err := note.NewEd25519VerifierKey(signerName, key.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // only for impossible names
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		panic(err) // only for what NewEd25519VerifierKey did not write
	}
	return &signer{verifier, key, public}
}

// Sign implements note.Signer.
func (s *signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

func (s *signer) sign(c Checkpoint) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, s)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return signed, nil
}

// ParsePublicKey reads a public key as Reader.PublicKey writes it.
func ParsePublicKey(s string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(s))
	if err != nil {
		return nil, fmt.Errorf("read the public key of an audit log: %w", err)
	}
	return v, nil
}
