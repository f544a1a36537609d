package mcp

import (
	"context"
	"errors"
	"sync"
)

// errCancelled is why a call ended whose client took it back.
var errCancelled = errors.New("the client cancelled the request")

// inflight knows the requests of transport sessions that are under way here,
// so that a notification can cancel one. The zero value is ready.
type inflight struct {
	mu      sync.Mutex
	cancels map[requestKey]context.CancelCauseFunc
}

// A requestKey is a request of one session: nobody cancels another's.
type requestKey struct{ session, id string }

// begin remembers a request until done is called. Of two requests with one
// id, which no client may send, the first can be cancelled.
func (f *inflight) begin(ctx context.Context, session string, id []byte) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	key := requestKey{session, string(id)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancels == nil {
		f.cancels = map[requestKey]context.CancelCauseFunc{}
	}
	if f.cancels[key] != nil {
		return ctx, func() { cancel(nil) }
	}
	f.cancels[key] = cancel
	return ctx, func() { f.end(key, cancel) }
}

func (f *inflight) end(key requestKey, cancel context.CancelCauseFunc) {
	f.mu.Lock()
	delete(f.cancels, key)
	f.mu.Unlock()
	cancel(nil)
}

func (f *inflight) cancel(session string, id []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancel := f.cancels[requestKey{session, string(id)}]; cancel != nil {
		cancel(errCancelled)
	}
}
