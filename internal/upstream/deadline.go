package upstream

import (
	"context"
	"sync"
	"time"
)

// A deadline ends a call when the upstream was waited for too long. It stands
// still while the upstream waits for an answer of the client: the timeout of
// an app bounds the app, not people.
type deadline struct {
	limit time.Duration
	timer *time.Timer

	mu   sync.Mutex
	open int // questions that are not answered yet
}

func withDeadline(ctx context.Context, limit time.Duration, cause error) (context.Context, *deadline, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &deadline{limit: limit, timer: time.AfterFunc(limit, func() { cancel(cause) })}
	return ctx, d, func() {
		d.pause() // for good
		cancel(nil)
	}
}

func (d *deadline) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	d.timer.Stop()
}

// resume begins the wait anew once nothing is open any more.
func (d *deadline) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open--; d.open == 0 {
		d.timer.Reset(d.limit)
	}
}
