package mcp

import (
	"context"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/catalogue"
)

// A listKey is one list as one caller sees it. Identity hands out the same
// principal for as long as nothing of its rights has moved.
type listKey struct {
	who      *ostiary.Principal
	endpoint catalogue.Endpoint
	member   string
}

// A setKey is one list as everybody sees it who may see the same of it.
type setKey struct {
	endpoint catalogue.Endpoint
	member   string
	seen     string // a bit for each offer
}

// visible remembers what callers may see of the present snapshot. Those who
// may see the same share it. The zero value is ready.
type visible struct {
	mu   sync.RWMutex
	of   *catalogue.Snapshot
	mine map[listKey][]*catalogue.Offer
	all  map[setKey][]*catalogue.Offer
}

// Bounds of what is remembered; when one is reached all is forgotten.
const (
	maxViews = 20_000
	maxSets  = 256
)

func (v *visible) get(s *catalogue.Snapshot, k listKey) ([]*catalogue.Offer, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.of != s {
		return nil, false
	}
	offers, ok := v.mine[k]
	return offers, ok
}

// keep remembers a view and returns the one that equals it, if there is one.
func (v *visible) keep(s *catalogue.Snapshot, k listKey, seen string, offers []*catalogue.Offer) []*catalogue.Offer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of != s || len(v.mine) >= maxViews || len(v.all) >= maxSets {
		v.of, v.mine, v.all = s, map[listKey][]*catalogue.Offer{}, map[setKey][]*catalogue.Offer{}
	}
	set := setKey{k.endpoint, k.member, seen}
	if same, ok := v.all[set]; ok {
		offers = same
	}
	v.all[set], v.mine[k] = offers, offers
	return offers
}

// visible are the offers of a list that no gate hides from the caller.
func (q *question) visible(ctx context.Context, member string, of func(*catalogue.Snapshot, catalogue.Endpoint) []*catalogue.Offer) []*catalogue.Offer {
	snapshot := q.config.Catalogue.Now()
	key := listKey{q.who, q.endpoint, member}
	if offers, ok := q.views.get(snapshot, key); ok {
		return offers
	}
	offers, seen := q.look(ctx, of(snapshot, q.endpoint))
	if q.who.Anonymous || ctx.Err() != nil {
		return offers // a principal of its own each time; a gate that gave up
	}
	return q.views.keep(snapshot, key, seen, offers)
}

// look asks the gates of each offer. seen has a bit for each that they show.
func (q *question) look(ctx context.Context, all []*catalogue.Offer) (shown []*catalogue.Offer, seen string) {
	bits := make([]byte, (len(all)+7)/8)
	for i, o := range all {
		if q.config.Guard.Visible(ctx, q.who, o.Tool, q.resource) {
			shown = append(shown, o)
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return shown, string(bits)
}
