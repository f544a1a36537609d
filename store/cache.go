package store

import "sync"

// A Cache remembers values that were read under an epoch. A value is good as
// long as the epoch stands where it stood; what is decided from it is
// asserted against that epoch by the commit. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mu  sync.RWMutex
	m   map[K]cached[V]
	max int
}

type cached[V any] struct {
	at    uint64
	value V
}

// NewCache returns a cache of at most max values; when full it is emptied.
func NewCache[K comparable, V any](max int) *Cache[K, V] {
	return &Cache[K, V]{m: map[K]cached[V]{}, max: max}
}

// Get returns the value kept for k under the epoch version at, or calls fill
// and keeps what it returns. at must have been read before fill reads.
func (c *Cache[K, V]) Get(k K, at uint64, fill func() (V, error)) (V, error) {
	if v, ok := c.Peek(k, at); ok {
		return v, nil
	}
	v, err := fill()
	if err != nil {
		var zero V
		return zero, err
	}
	c.Keep(k, at, v)
	return v, nil
}

// Peek returns the value kept for k under the epoch version at.
func (c *Cache[K, V]) Peek(k K, at uint64) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.m[k]
	return e.value, ok && e.at == at
}

// Keep remembers v for k under the epoch version at.
func (c *Cache[K, V]) Keep(k K, at uint64, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= c.max {
		clear(c.m)
	}
	c.m[k] = cached[V]{at, v}
}
