package store

import (
	"bytes"
	"context"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary"
)

// A dataKey seals the records of one owner: a person or the deployment.
type dataKey struct {
	owner []byte // the reference at the head of what it sealed
	aead  cipher.AEAD
}

// A reference is who the record belongs to, and which of their data keys
// sealed it: a person who was deleted and added again has another one. What
// the first one sealed is gone then, not broken.
const (
	personSize  = 24
	keyNameSize = ownerSize - personSize
)

func newDataKey(secret, person []byte) (*dataKey, error) {
	aead, err := newAEAD(derive(secret, "records"))
	if err != nil {
		return nil, err
	}
	return &dataKey{slices.Concat(person, derive(secret, "name")[:keyNameSize]), aead}, nil
}

var deploymentOwner = make([]byte, ownerSize)

// person is how a subject is written in storage; nil is the deployment.
func (db *DB) person(subject ostiary.Subject) []byte {
	if subject == "" {
		return nil
	}
	sum := db.id.sum("owner", string(subject))
	return sum[:personSize]
}

func ownerKey(person []byte) Key { return Key{kindDataKey, hex.EncodeToString(person)} }

// sealer returns the subject's data key, made when it is missing.
func (db *DB) sealer(ctx context.Context, subject ostiary.Subject) (*dataKey, error) {
	person := db.person(subject)
	if person == nil {
		return db.deployment, nil
	}
	key, err := db.keyOf(ctx, person)
	if !errors.Is(err, ErrNotFound) {
		return key, err
	}
	secret, err := db.makeDataKey(ctx, ownerKey(person))
	if err != nil {
		return nil, err
	}
	return newDataKey(secret, person)
}

// opener returns the data key that a reference names. ErrNotFound: it was
// destroyed, or never made.
func (db *DB) opener(ctx context.Context, owner []byte) (*dataKey, error) {
	if bytes.Equal(owner, deploymentOwner) {
		return db.deployment, nil
	}
	person := owner[:personSize]
	key, err := db.keyOf(ctx, person)
	if err != nil || bytes.Equal(key.owner, owner) {
		return key, err
	}
	db.people.forget(ownerKey(person)) // what is remembered may be the older of the two
	key, err = db.keyOf(ctx, person)
	if err == nil && !bytes.Equal(key.owner, owner) {
		return nil, fmt.Errorf("an owner's earlier data key: %w", ErrNotFound)
	}
	return key, err
}

func (db *DB) keyOf(ctx context.Context, person []byte) (*dataKey, error) {
	key, since := db.people.find(ownerKey(person))
	if key != nil {
		return key, nil
	}
	secret, err := db.loadDataKey(ctx, ownerKey(person))
	if err != nil {
		return nil, fmt.Errorf("load an owner's data key: %w", err)
	}
	key, err = newDataKey(secret, person)
	if err == nil {
		db.people.keep(ownerKey(person), key, since)
	}
	return key, err
}

// DestroyOwner adds to tx the destruction of a person's data key. Once tx is
// committed nothing that was sealed for them can be read again, here or on
// any other instance, nor from a backup of the database without its keys.
func (db *DB) DestroyOwner(tx *Tx, subject ostiary.Subject) {
	k := ownerKey(db.person(subject))
	tx.Delete(k)
	db.people.forget(k)
}
