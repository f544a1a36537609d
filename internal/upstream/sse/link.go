package sse

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// farewell bounds what goes on when nobody waits for it any more: a post
// whose answer came first, the word that a request is cancelled.
const farewell = 5 * time.Second

// A link is one stream, with the requests whose answers come over it.
type link struct {
	*transport
	endpoint *url.URL // for posts
	receive  upstream.Receiver
	stream   io.ReadCloser
	events   *wire.EventReader

	ctx    context.Context // of the stream and of all posts
	cancel context.CancelFunc
	done   chan struct{} // closed once the stream has ended and all it said is read
	beside upstream.Group

	mu      sync.Mutex
	waiting map[string]chan wire.Message // by id
	ended   error                        // set before done is closed
}

func newLink(t *transport, receive upstream.Receiver) *link {
	l := &link{transport: t, receive: receive, done: make(chan struct{}), waiting: make(map[string]chan wire.Message)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *link) Done() <-chan struct{} { return l.done }

// Err says how the stream ended.
func (l *link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Close ends the stream, and the session with it.
func (l *link) Close() error {
	l.cancel()
	l.beside.Close()
	<-l.done
	return nil
}

// Do posts a request and waits for the answer with its id, which may come
// before the post has ended.
func (l *link) Do(ctx context.Context, m *upstream.Message) (wire.Message, error) {
	id := strconv.FormatInt(m.ID, 10)
	came := l.await(id)
	defer l.forget(id)
	p := l.begin(m)
	defer p.leave()
	for {
		select {
		case answer := <-came:
			return answer, nil
		case err := <-p.posted:
			if err != nil {
				return answerOr(came, l.because(err))
			}
			p.posted = nil
		case <-ctx.Done():
			return answerOr(came, l.abandoned(ctx, m, p))
		case <-l.done:
			return answerOr(came, p.proven(l.Err()))
		}
	}
}

// because says why a post failed that ended with its stream.
func (l *link) because(err error) error {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, upstream.ErrClosed) {
		return err
	}
	select {
	case <-l.done:
	default:
		return err
	}
	if upstream.NotSent(err) {
		return upstream.Unsent(l.Err())
	}
	return l.Err()
}

// answerOr returns the answer, if it came in spite of err.
func answerOr(came chan wire.Message, err error) (wire.Message, error) {
	select {
	case answer := <-came:
		return answer, nil
	default:
		return wire.Message{}, err
	}
}

// abandoned says why a request came to nothing whose caller went away, or had
// waited long enough, and tells the upstream.
func (l *link) abandoned(ctx context.Context, m *upstream.Message, p *post) error {
	err := p.proven(context.Cause(ctx))
	if cancelled := upstream.Cancelled(m); cancelled != nil && !upstream.NotSent(err) {
		l.beside.Go(func() { l.sayCancelled(cancelled) })
	}
	return err
}

func (l *link) sayCancelled(m *upstream.Message) {
	ctx, cancel := context.WithTimeout(l.ctx, min(farewell, l.spec.Timeout))
	defer cancel()
	if err := l.Post(ctx, m); err != nil {
		l.tools.Logger.Debug("cancel a request", "error", err)
	}
}

func (l *link) await(id string) chan wire.Message {
	came := make(chan wire.Message, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[id] = came
	return came
}

func (l *link) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

// deliver hands an answer to whoever waits for it. The first one counts.
func (l *link) deliver(m wire.Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	came, ok := l.waiting[string(m.ID)]
	if ok {
		delete(l.waiting, string(m.ID))
		came <- m
	}
	return ok
}
