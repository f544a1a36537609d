package streamable

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// farewell bounds what is said when nobody waits for it any more: that a
// request is cancelled, that a session has ended.
const farewell = 5 * time.Second

// A link is one caller's way to the endpoint: the transport session, in the
// era that has them, and nothing else.
type link struct {
	*transport
	session atomic.Pointer[string] // Mcp-Session-Id; nil: none
	version atomic.Pointer[string] // of the session, for DELETE
	ready   atomic.Pointer[prepared]
	gone    atomic.Bool // the upstream doesn't know the session any more

	ctx    context.Context // of all its requests
	cancel context.CancelFunc
	done   chan struct{} // closed by Close: a link doesn't break by itself
	once   sync.Once
	beside upstream.Group // cancellations, and ends of streams
}

func (l *link) Done() <-chan struct{} { return l.done }

func (l *link) Err() error { return upstream.ErrClosed }

// Close cancels what is in flight and ends the session ("clients that no
// longer need a particular session SHOULD send an HTTP DELETE", 2025-11-25
// basic/transports, session management).
func (l *link) Close() error {
	l.once.Do(func() {
		l.cancel()
		close(l.done)
		l.beside.Close()
		l.endSession()
	})
	return nil
}

func (l *link) endSession() {
	session, version := l.session.Load(), l.version.Load()
	if session == nil || version == nil || l.gone.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(farewell, l.timeout))
	defer cancel()
	resp, err := l.send(ctx, context.Background(), http.MethodDelete, &upstream.Message{Version: *version})
	if err != nil {
		l.tools.Logger.Debug("end a session", "error", err)
		return
	}
	_ = resp.Body.Close()
}

// Do posts a request and reads its answer from the response.
func (l *link) Do(ctx context.Context, m *upstream.Message) (wire.Message, error) {
	resp, err := l.send(ctx, l.ctx, http.MethodPost, m)
	if err != nil {
		return wire.Message{}, l.abandoned(ctx, m, err)
	}
	x := &exchange{link: l, m: m, resp: resp}
	answer, err := x.read(ctx)
	if x.passing {
		ctx = m.Alive
	}
	if err != nil {
		x.close()
		if errors.Is(err, upstream.ErrSessionGone) {
			l.gone.Store(true)
		}
		return wire.Message{}, l.abandoned(ctx, m, err)
	}
	x.finish()
	if m.Method == wire.MethodInitialize {
		l.keepSession(resp)
	}
	return answer, nil
}

// abandoned says why a request came to nothing: because its caller went away
// or had waited long enough, rather than what the transport makes of it. The
// upstream is told, in the manner of its era: without sessions the end of the
// stream says it, with them a notification does ("disconnection SHOULD NOT be
// interpreted as the client cancelling its request").
func (l *link) abandoned(ctx context.Context, m *upstream.Message, err error) error {
	cause := context.Cause(ctx)
	if cause == nil && l.ctx.Err() != nil {
		cause = upstream.ErrClosed
	}
	if cause == nil {
		return err
	}
	if upstream.NotSent(err) {
		return upstream.Unsent(cause)
	}
	if cancelled := upstream.Cancelled(m); cancelled != nil && !m.Stateless() && l.ctx.Err() == nil {
		l.beside.Go(func() { l.sayCancelled(cancelled) })
	}
	return cause
}

func (l *link) sayCancelled(m *upstream.Message) {
	ctx, cancel := context.WithTimeout(l.ctx, min(farewell, l.timeout))
	defer cancel()
	if err := l.Post(ctx, m); err != nil {
		l.tools.Logger.Debug("cancel a request", "error", err)
	}
}

// Post sends what gets no answer.
func (l *link) Post(ctx context.Context, m *upstream.Message) error {
	resp, err := l.send(ctx, context.Background(), http.MethodPost, m)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return refused(m, resp, nil)
	}
	return nil
}

// send makes one request and returns with the head of its response. It is
// ended with ctx and with life.
func (l *link) send(ctx, life context.Context, method string, m *upstream.Message) (*response, error) {
	head := heads.Get().(*[]byte)
	r, err := l.request((*head)[:0], method, m)
	if err != nil {
		return nil, upstream.Unsent(err)
	}
	resp, err := l.roundTrip(ctx, life, &r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.ToLower(method), err)
	}
	if resp.sent() { // nobody reads it any more
		*head = r.head
		recycle(head)
	}
	return resp, nil
}

// keepSession remembers what the answer to initialize said.
func (l *link) keepSession(resp *response) {
	if id := resp.Header.Get(wire.HeaderSession); id != "" {
		l.session.Store(&id)
	}
}

// InSession says whether the upstream answered initialize with a session.
func (l *link) InSession() bool { return l.session.Load() != nil }

// Listen reads the stream of what belongs to no call (2025-11-25
// basic/transports, listening for messages from the server).
func (l *link) Listen(ctx context.Context, version string, opened func(), receive upstream.Receiver) error {
	resp, err := l.send(ctx, l.ctx, http.MethodGet, &upstream.Message{Version: version})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || mediaType(resp.Header.Get("Content-Type")) != eventStream {
		return upstream.ErrNoStream
	}
	opened()
	x := &exchange{link: l, m: &upstream.Message{Version: version, Receive: receive}, resp: resp}
	if _, err := x.events(ctx); !errors.Is(err, errNoAnswer) {
		return err
	}
	return nil
}
