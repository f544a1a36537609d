package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

// A hearer watches in the stateless era: one subscriptions/listen names all
// resources, and one that names others takes its place.
type hearer struct {
	*vigil
	conn *conn

	now     []*wish
	hearing *hearing // nil: nothing is heard
}

// A hearing is one subscriptions/listen under way.
type hearing struct {
	cancel context.CancelFunc
	acked  chan []byte // what was granted
	over   chan struct{}
	err    error // why it is over
}

// keep listens until the connection ends, the upstream ends the stream, or
// nobody wants it any more.
func (h *hearer) keep(ctx context.Context) error {
	var beside Group
	defer beside.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		if wanted := h.wanted(); !slices.Equal(wanted, h.now) {
			if err := h.adjust(ctx, &beside, wanted); err != nil {
				return err
			}
		}
		if len(h.now) == 0 || !h.await(ctx, h.conn, h.hearing.over) {
			return context.Cause(ctx)
		}
		select {
		case <-h.hearing.over:
			return h.hearing.err
		default:
		}
	}
}

// adjust listens for what is wanted now. The old stream ends when the new one
// is there, so that nothing is missed.
func (h *hearer) adjust(ctx context.Context, beside *Group, wanted []*wish) error {
	old := h.hearing
	h.now = wanted
	if len(wanted) > 0 {
		h.hearing = h.begin(ctx, beside, wanted)
		if err := h.acknowledged(ctx, wanted); err != nil {
			return err
		}
	}
	if old != nil {
		old.cancel()
	}
	return nil
}

func (h *hearer) begin(ctx context.Context, beside *Group, wanted []*wish) *hearing {
	ctx, cancel := context.WithCancel(ctx)
	n := &hearing{cancel: cancel, acked: make(chan []byte, 1), over: make(chan struct{})}
	req := Request{Method: wire.MethodListen, Params: listenTo(wanted), acknowledged: func(params []byte) {
		select {
		case n.acked <- bytes.Clone(params):
		default:
		}
	}}
	beside.Go(func() {
		defer close(n.over)
		reply, err := h.conn.call(ctx, req)
		switch {
		case err != nil:
			n.err = fmt.Errorf("%s: %w", wire.MethodListen, err)
		case reply.Err != nil:
			n.err = &RefusedError{reply.Err}
		}
	})
	return n
}

func listenTo(wanted []*wish) []byte {
	params := []byte(`{"notifications":{"resourceSubscriptions":[`)
	for i, w := range wanted {
		if i > 0 {
			params = append(params, ',')
		}
		params = wire.AppendString(params, w.uri)
	}
	return append(params, "]}}"...)
}

// acknowledged waits for what the upstream grants, and tells it to those who
// wait.
func (h *hearer) acknowledged(ctx context.Context, wanted []*wish) error {
	timer := time.NewTimer(h.app.spec.Timeout)
	defer timer.Stop()
	select {
	case params := <-h.hearing.acked:
		h.grant(wanted, params)
		return nil
	case <-h.hearing.over:
		return h.hearing.err
	case <-timer.C:
		return h.app.tooLate
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *hearer) grant(wanted []*wish, params []byte) {
	var said struct {
		Notifications struct{ ResourceSubscriptions []string }
	}
	_ = json.Unmarshal(params, &said) // what can't be read grants nothing
	for _, w := range wanted {
		var err error
		if !slices.Contains(said.Notifications.ResourceSubscriptions, w.uri) {
			err = ErrNoSubscriptions
		}
		h.answer(w, err)
	}
}

// acknowledgement goes to the request that it names.
func (c *conn) acknowledgement(m wire.Message) {
	id, _ := wire.Lookup(m.Params, "_meta", wire.MetaSubscriptionID)
	number, err := strconv.ParseInt(string(id), 10, 64)
	c.mu.Lock()
	heard := c.acks[number]
	c.mu.Unlock()
	if err == nil && heard != nil {
		heard(m.Params)
	}
}

func (c *conn) expectAck(id int64, heard func([]byte)) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks == nil {
		c.acks = map[int64]func([]byte){}
	}
	c.acks[id] = heard
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.acks, id)
	}
}

// changedResource tells of a resource that the upstream says has changed.
func (c *conn) changedResource(m wire.Message) {
	uri, ok := wire.LookupText(m.Params, "uri")
	if v := c.vigil.Load(); ok && v != nil {
		v.updated(uri)
	}
}
