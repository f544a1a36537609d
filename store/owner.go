package store

import (
	"context"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
)

// A dataKey seals the records of one owner: a person or the deployment.
type dataKey struct {
	aead cipher.AEAD
}

func newDataKey(secret []byte) (*dataKey, error) {
	aead, err := newAEAD(derive(secret, "records"))
	if err != nil {
		return nil, err
	}
	return &dataKey{aead}, nil
}

var deploymentOwner = make([]byte, ownerSize)

func (db *DB) ownerOf(subject ostiary.Subject) []byte {
	if subject == "" {
		return deploymentOwner
	}
	return keyedHash(db.id, "owner", string(subject))
}

func ownerKey(owner []byte) Key { return Key{kindDataKey, hex.EncodeToString(owner)} }

// sealer returns the owner's data key, made when it is missing.
func (db *DB) sealer(ctx context.Context, owner []byte) (*dataKey, error) {
	key, err := db.opener(ctx, owner)
	if !errors.Is(err, ErrNotFound) {
		return key, err
	}
	secret, err := db.makeDataKey(ctx, ownerKey(owner))
	if err != nil {
		return nil, err
	}
	return db.rememberKey(owner, secret)
}

// opener returns the owner's data key. ErrNotFound: it was destroyed, or
// never made.
func (db *DB) opener(ctx context.Context, owner []byte) (*dataKey, error) {
	if string(owner) == string(deploymentOwner) {
		return db.deployment, nil
	}
	if key, ok := db.people.Load(string(owner)); ok {
		return key.(*dataKey), nil
	}
	secret, err := db.loadDataKey(ctx, ownerKey(owner))
	if err != nil {
		return nil, fmt.Errorf("load an owner's data key: %w", err)
	}
	return db.rememberKey(owner, secret)
}

func (db *DB) rememberKey(owner, secret []byte) (*dataKey, error) {
	key, err := newDataKey(secret)
	if err != nil {
		return nil, err
	}
	db.people.Store(string(owner), key)
	return key, nil
}

// DestroyOwner adds to tx the destruction of a person's data key. Once tx is
// committed nothing that was sealed for them can be read again, here or on
// any other instance, nor from a backup of the database without its keys.
func (db *DB) DestroyOwner(tx *Tx, subject ostiary.Subject) {
	owner := db.ownerOf(subject)
	tx.Delete(ownerKey(owner))
	db.people.Delete(string(owner))
}

func (db *DB) forgetOwner(k Key) {
	if owner, err := hex.DecodeString(k.ID); err == nil {
		db.people.Delete(string(owner))
	}
}
