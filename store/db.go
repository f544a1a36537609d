package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary"
)

const kindDataKey Kind = "datakey"

// DB is a driver with sealing on top: tables, epochs, logs and keyed hashes
// share its keys. It is safe for concurrent use.
type DB struct {
	Store // the driver; what goes through it directly is not sealed

	clock ostiary.Clock
	ring  *Keyring
	root  []byte // the deployment's data key
	id    *keyed // hashes row ids
	index *keyed // hashes index values

	deployment *dataKey
	people     people
	feed       feed
}

// Open puts sealing on a driver. The first opening of a storage makes the
// deployment's data key. It returns an error wrapping ErrKeyring when the
// keyset does not belong to the storage.
func Open(ctx context.Context, driver Store, ring *Keyring, clock ostiary.Clock) (*DB, error) {
	db := &DB{Store: driver, clock: clock, ring: ring}
	root, err := db.loadDataKey(ctx, Key{kindDataKey, "deployment"})
	if errors.Is(err, ErrNotFound) {
		root, err = db.makeDataKey(ctx, Key{kindDataKey, "deployment"})
	}
	if err != nil {
		return nil, fmt.Errorf("open the deployment's data key: %w", err)
	}
	db.root = root
	db.id, db.index = newKeyed(derive(root, "id")), newKeyed(derive(root, "index"))
	if db.deployment, err = newDataKey(root, nil); err != nil {
		return nil, err
	}
	db.deployment.owner = deploymentOwner
	return db, nil
}

// Clock is the clock that the storage's times are compared with.
func (db *DB) Clock() ostiary.Clock { return db.clock }

// DeriveKey returns a key of KeySize bytes for one named purpose, the same on
// every instance of this storage and different for every other purpose.
func (db *DB) DeriveKey(purpose string) []byte { return derive(db.root, "purpose/"+purpose) }

// RowKey is where a record of a kind stands: ids are hashed under a key, so
// that a stolen database names nobody.
func (db *DB) RowKey(kind Kind, id string) Key {
	return Key{kind, db.id.text(20, string(kind), id)}
}

func (db *DB) hashIndex(kind Kind, x Index) Index {
	if x.Name == "" {
		return Index{}
	}
	return Index{x.Name, db.index.text(16, string(kind), x.Name, x.Value)}
}

func (db *DB) hashIndexes(kind Kind, xs []Index) []Index {
	out := make([]Index, len(xs))
	for i, x := range xs {
		out[i] = db.hashIndex(kind, x)
	}
	return out
}

// LogIndex hashes an index value of a log entry or log search.
func (db *DB) LogIndex(x Index) Index { return db.hashIndex("log", x) }

func (db *DB) loadDataKey(ctx context.Context, k Key) ([]byte, error) {
	rec, err := db.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	var w wrappedKey
	if err := json.Unmarshal(rec.Value, &w); err != nil {
		return nil, fmt.Errorf("read a wrapped data key: %w", ErrTampered)
	}
	return db.ring.unwrap(w, []byte(k.ID))
}

// makeDataKey makes and keeps a data key; when another instance was faster,
// it returns that one's.
func (db *DB) makeDataKey(ctx context.Context, k Key) ([]byte, error) {
	secret := make([]byte, KeySize)
	rand.Read(secret)
	w, err := db.ring.wrap(secret, []byte(k.ID))
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	var tx Tx
	tx.Assert(k, 0)
	tx.Put(Put{Key: k, Value: value})
	if _, err := db.Commit(ctx, tx); err != nil {
		if errors.Is(err, ErrConflict) {
			return db.loadDataKey(ctx, k)
		}
		return nil, fmt.Errorf("keep a new data key: %w", err)
	}
	return secret, nil
}

// Commit is the driver's, with the names of counters hashed: what is counted
// for whom is nothing a stolen database should tell.
func (db *DB) Commit(ctx context.Context, tx Tx) (Receipt, error) {
	if len(tx.Adds) > 0 {
		tx.Adds = slices.Clone(tx.Adds)
	}
	for i := range tx.Adds {
		tx.Adds[i].Counter = db.counterName(tx.Adds[i].Counter)
	}
	return db.Store.Commit(ctx, tx)
}

// Counter returns the present value of a counter, zero when absent.
func (db *DB) Counter(ctx context.Context, name string) (int64, error) {
	return db.Store.Counter(ctx, db.counterName(name))
}

func (db *DB) counterName(name string) string {
	return db.index.text(16, "counter", name)
}
