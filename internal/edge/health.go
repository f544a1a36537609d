package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/store"
)

// plain serves a handler that asks for nobody's name.
func (e *Edge) plain(h func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			e.config.API.Fail(w, r, err)
		}
	})
}

// healthy is GET /healthz: the process is alive.
func (e *Edge) healthy(w http.ResponseWriter, _ *http.Request) error {
	return writeDocument(w, map[string]string{"status": "ok"})
}

// ready is GET /readyz: calls can be decided and recorded.
func (e *Edge) ready(w http.ResponseWriter, r *http.Request) error {
	if err := e.probe.check(r.Context()); err != nil {
		return err
	}
	return writeDocument(w, map[string]string{"status": "ready"})
}

func writeDocument(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return visit.Internal(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append(body, '\n')) // who is gone needs no answer
	return nil
}

// A probe finds out whether storage takes writes, and whether the keys open
// what was written. It asks at most once a second, however often it is asked.
type probe struct {
	db    *store.DB
	table store.Table[mark]

	mu    sync.Mutex
	at    time.Time
	found error
}

// A mark is what a probe writes and reads.
type mark struct {
	At time.Time `json:"at"`
}

// Row implements store.Rower.
func (mark) Row() store.Row { return store.Row{} }

func newProbe(db *store.DB) *probe {
	return &probe{db: db, table: store.NewTable[mark](db, "probe")}
}

const (
	probeEvery   = time.Second
	probeTimeout = 3 * time.Second
)

func (p *probe) check(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.db.Clock().Now()
	if !p.at.IsZero() && now.Sub(p.at) < probeEvery && !now.Before(p.at) {
		return p.found
	}
	// Whoever asks next is answered with this too: their patience doesn't
	// depend on that of who asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	p.at, p.found = now, p.try(ctx, now)
	return p.found
}

func (p *probe) try(ctx context.Context, now time.Time) error {
	const id = "readiness"
	var tx store.Tx
	if err := p.table.Put(ctx, &tx, id, mark{now}); err != nil {
		return fmt.Errorf("seal a record: %w", err)
	}
	if _, err := p.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("write to storage: %w", err)
	}
	if _, _, err := p.table.Get(ctx, id); err != nil {
		return fmt.Errorf("read from storage: %w", err)
	}
	return nil
}
