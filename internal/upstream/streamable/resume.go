package streamable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// defaultRetry is how long is waited before a stream is taken up again
	// whose upstream does not say.
	defaultRetry = time.Second
	// shortestRetry bounds how often that is done, whatever the upstream says.
	shortestRetry = 50 * time.Millisecond
	// longestRetry bounds the pauses that grow while the upstream can't be
	// reached.
	longestRetry = 10 * time.Second
)

// A position is where a stream can be taken up again. The zero position is
// nowhere.
type position struct {
	id    string        // of the last event
	retry time.Duration // to wait before; 0: the upstream has not said
}

// move goes to where a reader has come. One that was told nothing stays.
func (p *position) move(r *wire.EventReader) {
	id, retry := r.Last()
	p.id, p.retry = cmp.Or(id, p.id), cmp.Or(retry, p.retry)
}

// answered reads a stream up to the answer, and takes it up again where it
// breaks off before: an upstream may close it and have its client ask again
// ("the client SHOULD then poll the SSE stream by attempting to reconnect",
// 2025-11-25 basic/transports). The call itself is not repeated. ctx bounds
// all of it.
func (x *exchange) answered(ctx context.Context) (wire.Message, error) {
	for {
		answer, err := x.events(ctx)
		if err == nil || !x.resumable() || ctx.Err() != nil || x.link.ctx.Err() != nil {
			return answer, err
		}
		if broken := x.resume(ctx); broken != nil {
			// Flat: what is proven of the question how the stream goes on is not
			// proven of the call.
			return wire.Message{}, fmt.Errorf("%w, and it can't be taken up again: %s", err, broken.Error())
		}
	}
}

// resumable says whether the stream can be taken up again: in the stateless era
// none can, and a session must be there already.
func (x *exchange) resumable() bool {
	return x.broke && x.at.id != "" && !x.m.Stateless() && x.m.Method != wire.MethodInitialize
}

// resume asks how the stream goes on, until the upstream answers or says that
// there is nothing to ask for.
func (x *exchange) resume(ctx context.Context) error {
	x.close()
	x.resp.Body = http.NoBody // closed once
	asked := cmp.Or(x.at.retry, defaultRetry)
	pause := max(asked, shortestRetry)
	for {
		if err := x.wait(ctx, pause); err != nil {
			return err
		}
		again, err := x.ask(ctx)
		if err == nil || !again {
			return err
		}
		x.link.tools.Logger.Debug("take up a stream again", "error", err)
		pause = min(2*pause, max(longestRetry, asked))
	}
}

// ask makes one request for the rest of the stream. again says that it may
// fare better later.
func (x *exchange) ask(ctx context.Context) (again bool, err error) {
	last := upstream.Header{Name: wire.HeaderLastEvent, Value: ostiary.Secret(x.at.id)}
	m := &upstream.Message{Version: x.m.Version, Header: append(slices.Clip(x.m.Header), last)}
	resp, err := x.link.send(ctx, x.link.ctx, http.MethodGet, m)
	if err != nil {
		return !errors.Is(err, errField) && ctx.Err() == nil && x.link.ctx.Err() == nil, err
	}
	if resp.StatusCode == http.StatusOK && mediaType(resp.Header.Get("Content-Type")) == eventStream {
		x.resp = resp
		return false, nil
	}
	_ = resp.Body.Close()
	again = resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests
	return again, fmt.Errorf("answered %s to the question how it goes on", resp.Status)
}

func (x *exchange) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-x.link.done:
		return upstream.ErrClosed
	}
}
