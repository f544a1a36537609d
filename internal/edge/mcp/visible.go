package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/catalogue"
)

// A listKey is one list as one caller sees it. Identity hands out the same
// principal for as long as nothing of its rights has moved.
//
// Of callers whom nobody knows all have the same rights, while those of the
// deployment stand where they stood.
type listKey struct {
	who      *ostiary.Principal // nil: anonymous
	epochs   ostiary.Epochs     // of the anonymous
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
	mine map[listKey]*shown
	all  map[setKey]*shown
}

// A shown is a list as a caller sees it.
type shown struct {
	offers []*catalogue.Offer
	once   sync.Once
	print  fingerprint
}

// A fingerprint tells a list from all others, on every instance.
type fingerprint [12]byte

func (s *shown) fingerprint() fingerprint {
	s.once.Do(func() {
		h := sha256.New()
		for _, o := range s.offers {
			for _, part := range [][]byte{[]byte(o.Name), []byte(o.WireName), o.Listed} {
				h.Write(binary.AppendUvarint(nil, uint64(len(part))))
				h.Write(part)
			}
		}
		copy(s.print[:], h.Sum(nil))
	})
	return s.print
}

// Bounds of what is remembered; when one is reached all is forgotten.
const (
	maxViews = 20_000
	maxSets  = 256
)

func (v *visible) get(s *catalogue.Snapshot, k listKey) (*shown, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.of != s {
		return nil, false
	}
	list, ok := v.mine[k]
	return list, ok
}

// keep remembers a view and returns the one that equals it, if there is one.
func (v *visible) keep(s *catalogue.Snapshot, k listKey, seen string, list *shown) *shown {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of != s || len(v.mine) >= maxViews || len(v.all) >= maxSets {
		v.of, v.mine, v.all = s, map[listKey]*shown{}, map[setKey]*shown{}
	}
	set := setKey{k.endpoint, k.member, seen}
	if same, ok := v.all[set]; ok {
		list = same
	}
	v.all[set], v.mine[k] = list, list
	return list
}

// visible are the offers of a list that no gate hides from the caller.
func (x *exchange) visible(ctx context.Context, m memberOf) *shown {
	snapshot := x.config.Catalogue.Now()
	key := listKey{who: x.who, endpoint: x.endpoint, member: m.member}
	if x.who.Anonymous {
		key.who, key.epochs = nil, x.who.Epochs
	}
	if list, ok := x.views.get(snapshot, key); ok {
		return list
	}
	offers, seen := x.look(ctx, m.of(snapshot, x.endpoint))
	list := &shown{offers: offers}
	if ctx.Err() != nil {
		return list // a gate gave up
	}
	return x.views.keep(snapshot, key, seen, list)
}

// look asks the gates of each offer. seen has a bit for each that they show.
func (x *exchange) look(ctx context.Context, all []*catalogue.Offer) (shown []*catalogue.Offer, seen string) {
	bits := make([]byte, (len(all)+7)/8)
	for i, o := range all {
		if x.config.Guard.Visible(ctx, x.who, o.Tool, x.resource) {
			shown = append(shown, o)
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return shown, string(bits)
}
