package mcp

import (
	"sync"

	"github.com/ostiary/ostiary/store"
)

// bells ring for those who listen for changes of a record. The zero value is
// ready.
type bells struct {
	mu   sync.Mutex
	hung map[store.Key]map[chan struct{}]bool
}

// listen returns what rings when the record at a key may have changed, until
// stop is called.
func (b *bells) listen(at store.Key) (rung <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hung == nil {
		b.hung = map[store.Key]map[chan struct{}]bool{}
	}
	if b.hung[at] == nil {
		b.hung[at] = map[chan struct{}]bool{}
	}
	c := make(chan struct{}, 1)
	b.hung[at][c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.hung[at], c); len(b.hung[at]) == 0 {
			delete(b.hung, at)
		}
	}
}

// ring rings for a record; the zero Key rings for all.
func (b *bells) ring(at store.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at != (store.Key{}) {
		ringAll(b.hung[at])
		return
	}
	for _, all := range b.hung {
		ringAll(all)
	}
}

func ringAll(all map[chan struct{}]bool) {
	for c := range all {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
