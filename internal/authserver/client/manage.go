package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Static returns the operator's clients, in the order of the configuration.
func (r *Registry) Static() []Client { return slices.Clone(r.config.Static) }

// List returns the clients that are kept, newest first: who registered, and
// whose metadata document is in use. limit is at most 1000.
func (r *Registry) List(ctx context.Context, limit int, cursor string) ([]Client, string, error) {
	items, next, err := r.clients.List(ctx, everyone, limit, cursor)
	if err != nil {
		return nil, "", err
	}
	var out []Client
	now := r.db.Clock().Now()
	for _, it := range items {
		if now.Before(it.Value.KeptTill) {
			out = append(out, it.Value.client(r.config.RedirectAllow))
		}
	}
	return out, next, nil
}

var everyone = store.Index{Name: "all", Value: "all"}

// Delete takes a client away and moves its epoch, so that every decision about
// it is made again, on every instance. One with a metadata document can come
// back: what it was given is ended by this, the document isn't ours. ErrStatic:
// only the configuration takes that one away.
func (r *Registry) Delete(ctx context.Context, id ostiary.ClientID, by audit.Actor) error {
	if _, ok := r.static[id]; ok {
		return fmt.Errorf("client %q: %w", id, ErrStatic)
	}
	err := r.db.Change(ctx, "take a client away", func(tx *store.Tx) error {
		k, version, err := r.clients.Get(ctx, string(id))
		if errors.Is(err, store.ErrNotFound) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		r.drop(tx, k, version)
		r.epochs.Bump(tx, store.EpochIDs{Client: id})
		r.record(tx, "deleted", k, by)
		return nil
	})
	if err == nil {
		r.documents.forget(id)
		r.marks.forget(id)
	}
	return err
}

// drop adds that a record goes, and is no longer counted.
func (r *Registry) drop(tx *store.Tx, k kept, at store.Version) {
	r.clients.Delete(tx, string(k.ID), at)
	if k.Origin == Registered {
		tx.Add(store.Add{Counter: registered, Delta: -1})
	}
}

// Sweep forgets the clients that were not used for too long, and says how many.
// One that is used meanwhile stays.
func (r *Registry) Sweep(ctx context.Context) (int, error) {
	n := 0
	for cursor := ""; ; {
		items, next, err := r.clients.List(ctx, everyone, 1000, cursor)
		if err != nil {
			return n, fmt.Errorf("look for clients that nobody uses: %w", err)
		}
		for _, it := range items {
			gone, err := r.expire(ctx, it)
			if err != nil {
				return n, err
			}
			if gone {
				n++
			}
		}
		if next == "" {
			return n, nil
		}
		cursor = next
	}
}

func (r *Registry) expire(ctx context.Context, it store.Item[kept]) (bool, error) {
	if r.db.Clock().Now().Before(it.Value.KeptTill) {
		return false, nil
	}
	var tx store.Tx
	r.drop(&tx, it.Value, it.Version)
	r.epochs.Bump(&tx, store.EpochIDs{Client: it.Value.ID})
	r.record(&tx, "expired", it.Value, audit.Actor{})
	_, err := r.db.Commit(ctx, tx)
	if err != nil && !store.Again(err) {
		return false, fmt.Errorf("forget a client that nobody uses: %w", err)
	}
	return err == nil, nil
}
