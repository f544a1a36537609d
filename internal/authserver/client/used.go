package client

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// coarse is how exactly the last use of a client is known.
const coarse = time.Minute

// Used says that a client was just given something which lasts until a moment:
// it is kept at least so long, and in any case for ClientTTL from now. What is
// returned without error is durable. It writes at most once a minute a client,
// so it may be called whenever a token is made.
func (r *Registry) Used(ctx context.Context, id ostiary.ClientID, until time.Time) error {
	if _, ok := r.static[id]; ok {
		return nil
	}
	now := r.db.Clock().Now()
	if r.marks.covers(id, now, until) {
		return nil
	}
	end := later(now.Add(r.config.ClientTTL), until).Add(coarse)
	err := r.db.Change(ctx, "keep a client that is in use", func(tx *store.Tx) error {
		k, version, err := r.inUse(ctx, id)
		if err != nil {
			return err
		}
		if end = later(end, k.KeptTill); k.KeptTill.Equal(end) && now.Sub(k.Used) < coarse {
			return nil
		}
		k.Used, k.KeptTill = now.Truncate(coarse), end
		return r.clients.Update(ctx, tx, string(id), k, version)
	})
	if err == nil {
		r.marks.note(id, mark{now, end})
	}
	return err
}

// inUse is what is kept of a client, or is to be kept of one with a metadata
// document from now on.
func (r *Registry) inUse(ctx context.Context, id ostiary.ClientID) (kept, store.Version, error) {
	if !strings.HasPrefix(string(id), "https://") {
		return r.stored(ctx, id)
	}
	c, err := r.document(ctx, id)
	if err != nil {
		return kept{}, 0, err
	}
	old, version, err := r.clients.Get(ctx, string(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return kept{}, 0, err
	}
	k := keep(c)
	k.Used, k.KeptTill = old.Used, old.KeptTill
	if k.Created = old.Created; k.Created.IsZero() {
		k.Created = r.db.Clock().Now()
	}
	return k, version, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// marks remember which clients are kept for how long.
type marks struct {
	mu sync.Mutex
	m  map[ostiary.ClientID]mark
}

// A mark says when a use was written, and how long the client is kept.
type mark struct{ at, until time.Time }

// maxMarks bounds what is remembered; when full, it is emptied and fills again.
const maxMarks = 10_000

func (m *marks) covers(id ostiary.ClientID, now, until time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.m[id]
	return ok && now.Sub(k.at) < coarse && !until.After(k.until)
}

func (m *marks) note(id ostiary.ClientID, k mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil || len(m.m) >= maxMarks {
		m.m = map[ostiary.ClientID]mark{}
	}
	m.m[id] = k
}

func (m *marks) forget(id ostiary.ClientID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.m, id)
}
