package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// List returns one page of all clients: the operator's, in the order of the
// configuration, then those that are kept, newest first: who registered, and
// whose metadata document is in use. limit is from 1 to 1000. A page may hold
// fewer than that; next is "" on the last.
func (r *Registry) List(ctx context.Context, limit int, cursor string) (page []Client, next string, err error) {
	if at, ok := placeOf(cursor); ok {
		end := min(at+limit, len(r.config.Static))
		if page = slices.Clone(r.config.Static[min(at, end):end]); len(page) == limit {
			return page, staticPlace + strconv.Itoa(end), nil
		}
		limit, cursor = limit-len(page), ""
	}
	items, next, err := r.clients.List(ctx, everyone, limit, cursor)
	if err != nil {
		return nil, "", err
	}
	now := r.db.Clock().Now()
	for _, it := range items {
		if now.Before(it.Value.KeptTill) {
			page = append(page, it.Value.client(r.config.RedirectAllow))
		}
	}
	return page, next, nil
}

// Known returns one of the clients that List lists, without asking anybody else
// about it. ErrUnknown: it lists none of this id.
func (r *Registry) Known(ctx context.Context, id ostiary.ClientID) (Client, error) {
	if c, ok := r.static[id]; ok {
		return c, nil
	}
	k, _, err := r.stored(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return k.client(r.config.RedirectAllow), nil
}

// staticPlace begins the cursors of places among the operator's clients.
const staticPlace = "static "

// placeOf is the place that a cursor says; ok false: among those in storage.
func placeOf(cursor string) (at int, ok bool) {
	text, ok := strings.CutPrefix(cursor, staticPlace)
	if !ok {
		return 0, cursor == ""
	}
	at, err := strconv.Atoi(text)
	return max(at, 0), err == nil
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
