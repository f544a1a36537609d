package streamable

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

// slowest is how fast, in bytes a second, a large result has to come at least,
// once the timeout is used up.
const slowest = 32 << 10

var errTooSlow = errors.New("the rest of the answer did not come in time")

// most is how much of an event is read before it is asked whether the rest can
// be passed on; 0: it can't.
func (x *exchange) most() int {
	if x.m.Pass == nil {
		return 0
	}
	return wire.HeadSize
}

func (x *exchange) passEvent(ctx context.Context, e wire.Event, rest io.Reader) (answer wire.Message, taken bool, err error) {
	if e.Name != "" && e.Name != "message" {
		return wire.Message{}, false, nil
	}
	return x.pass(ctx, e.Data, rest)
}

// pass has the caller pass on a response of which the head was read, if that
// is the answer and the caller takes it. The message has no result then.
func (x *exchange) pass(ctx context.Context, head []byte, rest io.Reader) (answer wire.Message, taken bool, err error) {
	in := &paced{exchange: x, in: rest, left: x.link.timeout}
	p, ok := wire.OpenPassage(head, in, x.link.maxResult, x.accept)
	if !ok {
		return wire.Message{}, false, nil
	}
	x.passing = true
	x.resp.outlive(x.m.Alive)
	taken, err = x.m.Pass.Pass(p, x.m.Version)
	if !taken {
		x.passing = false
		x.resp.outlive(ctx)
	}
	return wire.Message{Kind: wire.Response}, taken, err
}

// accept refuses what is not the answer to this request.
func (x *exchange) accept(m wire.Message) error {
	if x.m.ID == 0 || !x.answers(m) {
		return errOtherID
	}
	return nil
}

// A paced reader bounds how long is waited for the upstream, and not for who
// takes what it sends.
type paced struct {
	*exchange
	in   io.Reader
	left time.Duration // to wait
	late atomic.Bool
}

// Read implements io.Reader.
func (r *paced) Read(b []byte) (int, error) {
	clock := r.link.tools.Clock
	began := clock.Now()
	timer := time.AfterFunc(r.left, r.giveUp)
	n, err := r.in.Read(b)
	timer.Stop()
	r.left += time.Duration(n)*time.Second/slowest - clock.Now().Sub(began)
	r.left = min(r.left, r.link.timeout)
	if err != nil && r.late.Load() {
		err = errTooSlow
	}
	return n, err
}

func (r *paced) giveUp() {
	r.late.Store(true)
	r.resp.conn.abort()
}
