package client

import (
	"container/list"
	"sync"
)

// An lru remembers at most max values and forgets those that were asked for
// longest ago. It is safe for concurrent use.
type lru[V any] struct {
	mu    sync.Mutex
	max   int
	order *list.List // of *remembered[V], newest first
	at    map[string]*list.Element
}

type remembered[V any] struct {
	key   string
	value V
}

func newLRU[V any](max int) *lru[V] {
	return &lru[V]{max: max, order: list.New(), at: map[string]*list.Element{}}
}

func (l *lru[V]) get(key string) (V, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.at[key]
	if !ok {
		var zero V
		return zero, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*remembered[V]).value, true
}

// getOr returns what is remembered, else remembers v.
func (l *lru[V]) getOr(key string, v V) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.at[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*remembered[V]).value
	}
	l.add(key, v)
	return v
}

func (l *lru[V]) put(key string, v V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.at[key]; ok {
		e.Value.(*remembered[V]).value = v
		l.order.MoveToFront(e)
		return
	}
	l.add(key, v)
}

func (l *lru[V]) add(key string, v V) {
	l.at[key] = l.order.PushFront(&remembered[V]{key, v})
	if l.order.Len() > l.max {
		last := l.order.Back()
		l.order.Remove(last)
		delete(l.at, last.Value.(*remembered[V]).key)
	}
}

func (l *lru[V]) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.at[key]; ok {
		l.order.Remove(e)
		delete(l.at, key)
	}
}
