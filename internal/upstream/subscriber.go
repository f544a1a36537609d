package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

// opening is how long a stream may take to be open before resources are
// subscribed to all the same: some servers say nothing before they have
// something to tell.
const opening = 2 * time.Second

// A subscriber watches in an era with sessions: by resources/subscribe for
// each resource, and the stream of the session on which changes are told.
type subscriber struct {
	*vigil
	conn *conn
	has  map[string]*wish // what the upstream was asked for, and why
}

// keep does so until the connection ends, or nobody wants it any more.
func (s *subscriber) keep(ctx context.Context) error {
	opened := make(chan struct{})
	var attending Group
	defer attending.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attending.Go(func() { s.attend(ctx, opened) })
	timer := time.NewTimer(opening)
	defer timer.Stop()
	select {
	case <-opened:
	case <-timer.C:
	case <-ctx.Done():
	}
	for {
		wanted := s.wanted()
		if err := s.adjust(ctx, wanted); err != nil {
			return err
		}
		if len(wanted) == 0 || !s.await(ctx, s.conn, nil) {
			return context.Cause(ctx)
		}
	}
}

// adjust asks the upstream for what is new, and takes back what nobody wants.
func (s *subscriber) adjust(ctx context.Context, wanted []*wish) error {
	now := map[string]*wish{}
	for _, w := range wanted {
		now[w.uri] = w
		if s.has[w.uri] == w {
			continue
		}
		object, err := s.ask(ctx, wire.MethodResourcesSubscribe, w.uri)
		if err != nil {
			return err
		}
		s.has[w.uri] = w
		s.answer(w, object)
	}
	for uri := range s.has {
		if now[uri] != nil {
			continue
		}
		if _, err := s.ask(ctx, wire.MethodResourcesUnsubscribe, uri); err != nil {
			return err
		}
		delete(s.has, uri)
	}
	return nil
}

// ask makes one request; refused is the upstream's no.
func (s *subscriber) ask(ctx context.Context, method, uri string) (refused, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.app.spec.Timeout, s.app.tooLate)
	defer cancel()
	reply, err := s.conn.call(ctx, Request{Method: method, Params: append(wire.AppendString([]byte(`{"uri":`), uri), '}')})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	if reply.Err != nil {
		return &RefusedError{reply.Err}, nil
	}
	return nil, nil
}

// attend keeps the stream open on which the upstream says what belongs to no
// call. Over a connection that lists come over, somebody may do so already.
func (s *subscriber) attend(ctx context.Context, opened chan struct{}) {
	once := func() {
		select {
		case <-opened:
		default:
			close(opened)
		}
	}
	for ctx.Err() == nil {
		if !s.conn.listening.CompareAndSwap(false, true) {
			once()
			s.rest(ctx, firstPause)
			continue
		}
		err := s.conn.listenSession(ctx, once)
		s.conn.listening.Store(false)
		if errors.Is(err, ErrNoStream) {
			once()
			return
		}
		s.rest(ctx, firstPause)
	}
}
