package store

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ostiary/ostiary"
)

// KeySize is the length in bytes of every symmetric key of the house.
const KeySize = 32

// A MasterKey is one key of the keyset. It wraps data keys and nothing else.
type MasterKey struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Secret  []byte    `json:"secret"` // KeySize random bytes, base64 in JSON
}

// A Keyring is the master keyset: the newest key wraps, all of them unwrap.
// It is never written to storage. A Keyring is not changed after it was
// made, and safe for concurrent use.
type Keyring struct {
	keys []MasterKey // oldest first
}

// ErrKeyring means that a keyset could not be read; the wrapped text says why.
var ErrKeyring = errors.New("keyset")

// NewKeyring makes a keyset of one fresh key.
func NewKeyring(clock ostiary.Clock) *Keyring {
	return &Keyring{keys: []MasterKey{newMasterKey(clock)}}
}

func newMasterKey(clock ostiary.Clock) MasterKey {
	secret := make([]byte, KeySize)
	rand.Read(secret)
	return MasterKey{ID: ostiary.NewID("key"), Created: clock.Now().Truncate(time.Second), Secret: secret}
}

type keyringFile struct {
	Version int         `json:"version"`
	Keys    []MasterKey `json:"keys"`
}

// ParseKeyring reads a keyset as MarshalJSON writes it.
func ParseKeyring(data []byte) (*Keyring, error) {
	var f keyringFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: not a keyset file: %w", ErrKeyring, err)
	}
	if f.Version != 1 || len(f.Keys) == 0 {
		return nil, fmt.Errorf("%w: version %d with %d keys; want version 1 with at least one", ErrKeyring, f.Version, len(f.Keys))
	}
	for i, k := range f.Keys {
		if k.ID == "" || len(k.Secret) != KeySize {
			return nil, fmt.Errorf("%w: keys[%d]: want an id and a secret of %d bytes", ErrKeyring, i, KeySize)
		}
	}
	return &Keyring{keys: f.Keys}, nil
}

// MarshalJSON writes the keyset, secrets included, for its file.
func (r *Keyring) MarshalJSON() ([]byte, error) {
	return json.Marshal(keyringFile{Version: 1, Keys: r.keys})
}

// Keys lists the ids and ages of the keys, oldest first, without secrets.
func (r *Keyring) Keys() []MasterKey {
	out := make([]MasterKey, len(r.keys))
	for i, k := range r.keys {
		out[i] = MasterKey{ID: k.ID, Created: k.Created}
	}
	return out
}

// String keeps secrets out of logs, as do the two methods below.
func (r *Keyring) String() string { return fmt.Sprintf("keyset of %d keys [redacted]", len(r.keys)) }

// GoString implements fmt.GoStringer.
func (r *Keyring) GoString() string { return r.String() }

// LogValue implements slog.LogValuer: as JSON, handlers would write the keys.
func (r *Keyring) LogValue() slog.Value { return slog.StringValue(r.String()) }

type wrappedKey struct {
	Master  string `json:"master"`  // id of the master key
	Wrapped []byte `json:"wrapped"` // sealed with it
}

func (r *Keyring) wrap(secret, context []byte) (wrappedKey, error) {
	newest := r.keys[len(r.keys)-1]
	aead, err := newAEAD(newest.Secret)
	if err != nil {
		return wrappedKey{}, err
	}
	return wrappedKey{newest.ID, aead.Seal(nil, nil, secret, context)}, nil
}

func (r *Keyring) unwrap(w wrappedKey, context []byte) ([]byte, error) {
	aead, err := r.aead(w.Master)
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, nil, w.Wrapped, context)
	if err != nil {
		return nil, fmt.Errorf("%w: key %s does not open this storage", ErrKeyring, w.Master)
	}
	return secret, nil
}

func (r *Keyring) aead(id string) (cipher.AEAD, error) {
	for _, k := range r.keys {
		if k.ID == id {
			return newAEAD(k.Secret)
		}
	}
	return nil, fmt.Errorf("%w: storage was sealed with key %s, which is not in the keyset", ErrKeyring, id)
}
