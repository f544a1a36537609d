package audit

import (
	"sync"

	"github.com/ostiary/ostiary/store"
)

// The names under which entries are found.
const (
	bySubject  = "subject"
	byClient   = "client"
	byTool     = "tool"
	byDecision = "decision" // the effect, and once more the reason
	byCallID   = "call_id"
	byTenant   = "tenant"
	byKind     = "kind"
)

const maxRemembered = 10_000

// indexer hashes index values. People, tools and decisions come again and
// again, so their hashes are remembered.
type indexer struct {
	db    *store.DB
	mu    sync.RWMutex
	known map[store.Index]store.Index
}

func newIndexer(db *store.DB) *indexer {
	return &indexer{db: db, known: map[store.Index]store.Index{}}
}

// of lists the index values of an entry, always in the same order.
func (x *indexer) of(e *Entry) []store.Index {
	dst := make([]store.Index, 0, 8)
	dst = x.add(dst, byKind, string(e.Kind))
	dst = x.add(dst, byTenant, string(e.Actor.Tenant))
	dst = x.add(dst, bySubject, string(e.Actor.Subject))
	dst = x.add(dst, byClient, string(e.Actor.Client))
	dst = x.add(dst, byTool, string(e.Tool))
	if e.Decision != nil {
		dst = x.add(dst, byDecision, e.Decision.Effect)
		dst = x.add(dst, byDecision, string(e.Decision.Reason))
	}
	if e.CallID != "" {
		dst = append(dst, x.db.LogIndex(store.Index{Name: byCallID, Value: string(e.CallID)}))
	}
	return dst
}

func (x *indexer) add(dst []store.Index, name, value string) []store.Index {
	if value == "" {
		return dst
	}
	return append(dst, x.hash(store.Index{Name: name, Value: value}))
}

func (x *indexer) hash(plain store.Index) store.Index {
	x.mu.RLock()
	hashed, ok := x.known[plain]
	x.mu.RUnlock()
	if ok {
		return hashed
	}
	hashed = x.db.LogIndex(plain)
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.known) >= maxRemembered {
		clear(x.known)
	}
	x.known[plain] = hashed
	return hashed
}
