package mcp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// errCancelled is why a call ended whose client took it back.
var errCancelled = errors.New("the client cancelled the request")

// inflight knows the requests of transport sessions that are under way here,
// so that a notification can cancel one. The zero value is ready.
type inflight struct {
	mu      sync.Mutex
	cancels map[requestKey]context.CancelCauseFunc
}

// A requestKey is a request of one session: nobody cancels another's. again
// counts requests with an id that one under way has, which no client may send.
type requestKey struct {
	session, id string
	again       int
}

// begin remembers a request until done is called. Of two requests with one
// id the first can be cancelled.
func (f *inflight) begin(ctx context.Context, session string, id []byte) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	key := requestKey{session: session, id: string(id)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancels == nil {
		f.cancels = map[requestKey]context.CancelCauseFunc{}
	}
	for f.cancels[key] != nil {
		key.again++
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

// cancel ends a request; false where it is not under way here.
func (f *inflight) cancel(session string, id []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	cancel := f.cancels[requestKey{session: session, id: string(id)}]
	if cancel != nil {
		cancel(errCancelled)
	}
	return cancel != nil
}

// cancelElsewhere ends the request that another instance was told to cancel,
// if it is under way here.
func (f *inflight) cancelElsewhere(db *store.DB, row store.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, cancel := range f.cancels {
		if k.again == 0 && k.row(db) == row {
			cancel(errCancelled)
		}
	}
}

// giveUp ends all requests because the gateway stops.
func (f *inflight) giveUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, cancel := range f.cancels {
		cancel(errStopping)
	}
}

// kindCancel tells every instance that a request is cancelled. Its records
// hold nothing: where they stand says it all, and to those alone who know the
// session.
const kindCancel store.Kind = "mcp-cancel"

// cancelKept is how long the record of it stays: only its coming counts.
const cancelKept = time.Minute

func (k requestKey) row(db *store.DB) store.Key {
	return db.RowKey(kindCancel, k.session+" "+k.id)
}

// cancelled takes back a request of the session, wherever it is under way. A
// fault is not the client's affair: what is cancelled may have been done all
// the same.
func (q *question) cancelled() {
	id, ok := wire.Lookup(q.m.Params, "requestId")
	if !ok || q.inflight.cancel(q.client.sessionID, id) {
		return
	}
	var tx store.Tx
	row := requestKey{session: q.client.sessionID, id: string(id)}.row(q.config.DB)
	tx.Put(store.Put{Key: row, Expires: q.clock.Now().Add(cancelKept)})
	if _, err := q.config.DB.Commit(q.r.Context(), tx); err != nil {
		q.config.Logger.Warn("other instances could not be told that a request is cancelled", "error", err)
	}
}
