package mcp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
)

// errSeal means that a value was not sealed here, or was changed since.
var errSeal = errors.New("not sealed here")

// A sealer makes values that clients carry for us: nobody else can read,
// change or make one, and every instance can open it.
type sealer struct {
	aead    cipher.AEAD
	purpose []byte
}

// newSealer panics when the key has not the size of one, which only a
// programmer can bring about.
func newSealer(key []byte, purpose string) sealer {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Errorf("seal %s: %w", purpose, err))
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Errorf("seal %s: %w", purpose, err))
	}
	return sealer{aead, []byte(purpose)}
}

func (s sealer) seal(v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", s.purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, s.purpose)), nil
}

func (s sealer) open(text string, v any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return errSeal
	}
	plain, err := s.aead.Open(nil, nil, raw, s.purpose)
	if err != nil {
		return errSeal
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("open %s: %w", s.purpose, err)
	}
	return nil
}

// A holder is to whom a sealed value was given. Another principal who comes
// with it has got it from them.
type holder struct {
	Subject ostiary.Subject   `json:"sub,omitempty"`
	Tenant  ostiary.Tenant    `json:"ten,omitempty"`
	Client  ostiary.ClientID  `json:"cli,omitempty"`
	Session ostiary.SessionID `json:"ses,omitempty"`
}

func holderOf(p *ostiary.Principal) holder {
	return holder{p.Subject, p.Tenant, p.Client.ID, p.Session}
}
