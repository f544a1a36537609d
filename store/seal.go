package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrTampered means that what storage gave back is not what was written
// under that key: a value, expiry, owner or index was edited or moved.
var ErrTampered = errors.New("stored value was changed from outside")

// newAEAD returns AES-256-GCM that carries its random nonce in front (NIST
// SP 800-38D); the nonce argument of Seal and Open is nil.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// derive makes a key for one purpose from a data key (HKDF, RFC 5869).
func derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, secret, "ostiary/v1/"+purpose, KeySize)
	if err != nil {
		panic(err) // only for impossible lengths
	}
	return key
}

// An envelope is what is sealed: everything about a record that could tell
// something, or that an attacker could gain by changing.
type envelope struct {
	ID      string          `json:"id"`
	Owner   string          `json:"owner,omitempty"`
	Expires int64           `json:"expires,omitempty"` // unix milliseconds
	Index   []Index         `json:"index,omitempty"`
	Value   json.RawMessage `json:"value"`
}

const (
	sealVersion = 1
	ownerSize   = sha256.Size
)

// A sealed value is: version (1 byte), owner reference (32 bytes: 24 for the
// person, 8 for the data key; all zero for the deployment), nonce and AES-GCM ciphertext. Kind and row id are
// associated data, so a value that was moved to another row doesn't open.
func sealValue(aead cipher.AEAD, owner []byte, k Key, env envelope) ([]byte, error) {
	plain, err := encode(env)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", k.Kind, err)
	}
	head := append([]byte{sealVersion}, owner...)
	return aead.Seal(head, nil, plain, associated(k, owner)), nil
}

func openValue(aead cipher.AEAD, k Key, sealed []byte) (envelope, error) {
	owner, body := sealed[1:1+ownerSize], sealed[1+ownerSize:]
	plain, err := aead.Open(nil, nil, body, associated(k, owner))
	if err != nil {
		return envelope{}, fmt.Errorf("open a record of kind %s: %w", k.Kind, ErrTampered)
	}
	var env envelope
	if err := json.Unmarshal(plain, &env); err != nil {
		return envelope{}, fmt.Errorf("decode a record of kind %s: %w", k.Kind, err)
	}
	return env, nil
}

func ownerRef(sealed []byte) ([]byte, error) {
	if len(sealed) < 1+ownerSize || sealed[0] != sealVersion {
		return nil, fmt.Errorf("sealed value of unknown form: %w", ErrTampered)
	}
	return sealed[1 : 1+ownerSize], nil
}

func associated(k Key, owner []byte) []byte {
	return slices.Concat([]byte(k.Kind), []byte{0}, []byte(k.ID), []byte{0}, owner)
}

// millis keeps expiries as storage does: whole milliseconds, zero for never.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// encode writes JSON as it is: json.Marshal would escape <, > and & for HTML,
// in raw JSON of others too.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
