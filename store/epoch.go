package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ostiary/ostiary"
)

const kindEpoch Kind = "epoch"

// EpochIDs names the epochs that concern one principal. "" means that there
// is none of that sort (an anonymous caller has no session).
type EpochIDs struct {
	Session ostiary.SessionID
	Subject ostiary.Subject
	Client  ostiary.ClientID
	Tenant  ostiary.Tenant
}

// EpochsOf names the epochs of a principal.
func EpochsOf(p *ostiary.Principal) EpochIDs {
	return EpochIDs{p.Session, p.Subject, p.Client.ID, p.Tenant}
}

// Epochs are five small records that stand for everything read when a call
// is decided. Whatever takes a right away bumps the epoch it concerns in its
// own commit; every call's commit asserts the five as they were when its
// caches were filled. A cache can so be stale, but never let anything
// through. Epochs is safe for concurrent use.
type Epochs struct {
	db   *DB
	mu   sync.RWMutex
	at   map[Key]Version     // what is known of the records; missing: not known
	keys map[EpochIDs][5]Key // row ids are keyed hashes: remembered, not computed each time
}

// maxRemembered bounds both maps; when full, they are emptied and fill again.
const maxRemembered = 100_000

// NewEpochs returns the epochs of db, kept current by its feed of changes.
func NewEpochs(db *DB) *Epochs {
	e := &Epochs{db: db, at: map[Key]Version{}, keys: map[EpochIDs][5]Key{}}
	db.OnChange(e.changed)
	return e
}

// Of returns the present versions, from memory where they are known.
func (e *Epochs) Of(ctx context.Context, ids EpochIDs) (ostiary.Epochs, error) {
	keys := e.keysOf(ids)
	var at [5]uint64
	for i, k := range keys {
		v, err := e.version(ctx, k)
		if err != nil {
			return ostiary.Epochs{}, err
		}
		at[i] = uint64(v)
	}
	return ostiary.Epochs{Session: at[0], Subject: at[1], Client: at[2], Tenant: at[3], Deployment: at[4]}, nil
}

// Assert adds to tx that the epochs are still at the versions given.
func (e *Epochs) Assert(tx *Tx, ids EpochIDs, at ostiary.Epochs) {
	tx.Asserts = slices.Grow(tx.Asserts, 7) // with what a grant adds
	versions := [5]uint64{at.Session, at.Subject, at.Client, at.Tenant, at.Deployment}
	for i, k := range e.keysOf(ids) {
		if k.ID != "" {
			tx.Assert(k, Version(versions[i]))
		}
	}
}

// Bump adds to tx that whatever was decided under these epochs is decided
// again. Only the ids that are set are bumped, and never the deployment's.
func (e *Epochs) Bump(tx *Tx, ids EpochIDs) {
	keys := e.keysOf(ids)
	for _, k := range keys[:4] {
		if k.ID != "" {
			tx.Put(Put{Key: k})
		}
	}
}

// BumpDeployment adds to tx that every decision is made again.
func (e *Epochs) BumpDeployment(tx *Tx) {
	tx.Put(Put{Key: e.keysOf(EpochIDs{})[4]})
}

// Forget drops what is remembered of these epochs, the deployment's
// included, so that the next Of reads storage.
func (e *Epochs) Forget(ids EpochIDs) {
	keys := e.keysOf(ids)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		delete(e.at, k)
	}
}

// Refresh reads the versions from storage, whatever is remembered: for what is
// told to somebody without a commit that would assert them.
func (e *Epochs) Refresh(ctx context.Context, ids EpochIDs) error {
	for _, k := range e.keysOf(ids) {
		if k.ID == "" {
			continue
		}
		if _, err := e.read(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func (e *Epochs) version(ctx context.Context, k Key) (Version, error) {
	if k.ID == "" {
		return 0, nil
	}
	e.mu.RLock()
	v, ok := e.at[k]
	e.mu.RUnlock()
	if ok {
		return v, nil
	}
	return e.read(ctx, k)
}

func (e *Epochs) read(ctx context.Context, k Key) (Version, error) {
	rec, err := e.db.Store.Get(ctx, k)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("read an epoch: %w", err)
	}
	e.remember(k, rec.Version)
	return rec.Version, nil
}

// remember keeps the newest version seen: a slow reader never puts an older
// one back over what the feed told meanwhile.
func (e *Epochs) remember(k Key, v Version) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.at) >= maxRemembered {
		clear(e.at)
	}
	if v >= e.at[k] {
		e.at[k] = v
	}
}

func (e *Epochs) changed(c Change) {
	switch c.Key.Kind {
	case kindEpoch:
		e.remember(c.Key, c.Version)
	case "":
		e.mu.Lock()
		defer e.mu.Unlock()
		clear(e.at)
	}
}

func (e *Epochs) keysOf(ids EpochIDs) [5]Key {
	e.mu.RLock()
	keys, ok := e.keys[ids]
	e.mu.RUnlock()
	if ok {
		return keys
	}
	keys = [5]Key{
		e.key("session", string(ids.Session)),
		e.key("subject", string(ids.Subject)),
		e.key("client", string(ids.Client)),
		e.key("tenant", string(ids.Tenant)),
		e.key("deployment", "*"),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.keys) >= maxRemembered {
		clear(e.keys)
	}
	e.keys[ids] = keys
	return keys
}

func (e *Epochs) key(sort, id string) Key {
	if id == "" {
		return Key{}
	}
	return e.db.RowKey(kindEpoch, sort+"/"+id)
}
