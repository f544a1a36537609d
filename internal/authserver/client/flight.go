package client

import (
	"context"
	"sync"
)

// flights let many who want the same thing at once wait for one who gets it.
type flights[T any] struct {
	mu sync.Mutex
	m  map[string]*flight[T]
}

type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// do calls get, or waits for a call for the same key that is under way. get
// goes on when who began it leaves: others wait for it.
func (f *flights[T]) do(ctx context.Context, key string, get func(context.Context) (T, error)) (T, error) {
	f.mu.Lock()
	one, ok := f.m[key]
	if !ok {
		one = &flight[T]{done: make(chan struct{})}
		if f.m == nil {
			f.m = map[string]*flight[T]{}
		}
		f.m[key] = one
		go f.fly(context.WithoutCancel(ctx), key, one, get)
	}
	f.mu.Unlock()
	select {
	case <-one.done:
		return one.value, one.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

func (f *flights[T]) fly(ctx context.Context, key string, one *flight[T], get func(context.Context) (T, error)) {
	one.value, one.err = get(ctx)
	f.mu.Lock()
	delete(f.m, key)
	f.mu.Unlock()
	close(one.done)
}
