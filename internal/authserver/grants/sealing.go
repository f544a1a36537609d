package grants

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// SealFor seals a secret under a key that only who has another one, the
// holder's, can make; purpose is where this is done, and about is what it
// belongs to. Storage alone opens nothing of it.
func SealFor(holder ostiary.Secret, purpose, about string, secret ostiary.Secret) ([]byte, error) {
	aead, err := holderAEAD(holder, purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(secret.Reveal()), []byte(about)), nil
}

// OpenFor returns what SealFor sealed. It is an error with another holder's
// secret, for another purpose or about something else.
func OpenFor(holder ostiary.Secret, purpose, about string, sealed []byte) (ostiary.Secret, error) {
	aead, err := holderAEAD(holder, purpose)
	if err != nil {
		return "", err
	}
	text, err := aead.Open(nil, nil, sealed, []byte(about))
	if err != nil {
		return "", fmt.Errorf("open what was sealed for its holder: %w", err)
	}
	return ostiary.Secret(text), nil
}

// holderAEAD carries its random nonce in front.
func holderAEAD(holder ostiary.Secret, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(holder.Reveal()), nil, "ostiary/v1/"+purpose, store.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive a holder's key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
