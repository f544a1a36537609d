package streamable

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/ostiary/ostiary/internal/upstream"
)

const (
	// atOnce is what a socket takes, in bytes, before anybody reads. Larger
	// requests are written beside the reading of the answer: a server may
	// answer before it has read all.
	atOnce = 8 << 10
	// maxHead is the size, in bytes, from which a buffer of a head is left to
	// the garbage collector.
	maxHead = 16 << 10
)

// heads hold requests while they are written.
var heads = sync.Pool{New: func() any { return new(make([]byte, 0, 1<<10)) }}

func recycle(b *[]byte) {
	if cap(*b) <= maxHead {
		heads.Put(b)
	}
}

// A response is the answer to one request. Its body must be closed: that
// gives the connection back, or ends it.
type response struct {
	*http.Response
	*flight
	session bool // the request named a transport session
}

// A flight is a request under way over a connection of its own.
type flight struct {
	idle *idle
	conn *conn

	unwatch [2]func() bool // of the contexts that may end it
	writing chan error     // gets one value when all was written; nil: it was
	body    io.Reader
	over    bool // the body was read to its end
	once    bool // the connection can't be used again
}

// roundTrip sends a request and returns with the head of its answer. The
// contexts bound the whole exchange; the caller's no longer than until leave
// is called. r.body is not read any more once the response is closed.
func (t *transport) roundTrip(ctx, life context.Context, r *request) (*response, error) {
	for {
		c, kept, err := t.connection(ctx, life)
		if err != nil {
			return nil, upstream.Unsent(err)
		}
		f := &flight{idle: &t.idle, conn: c}
		f.unwatch = [2]func() bool{context.AfterFunc(ctx, c.abort), context.AfterFunc(life, c.abort)}
		resp, err := f.exchange(r) //nolint:bodyclose // the response's own Close does
		if err == nil {
			return &response{resp, f, r.session}, nil
		}
		// An upstream may have hung up on a connection that nobody used.
		if !kept || !upstream.NotSent(err) || ctx.Err() != nil || life.Err() != nil {
			return nil, err
		}
	}
}

// connection returns one that was kept, or a new one.
func (t *transport) connection(ctx, life context.Context) (c *conn, kept bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, false, err
	}
	if c := t.idle.take(); c != nil {
		return c, true, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	c, err = t.place.dial(ctx)
	return c, false, err
}

// exchange writes the request and reads the head of the answer. After an
// error the connection is gone.
func (f *flight) exchange(r *request) (*http.Response, error) {
	before := f.conn.below.written.Load()
	failed := f.write(r)
	if failed != nil && f.conn.below.written.Load() == before {
		return nil, f.fail(before, failed)
	}
	resp, err := f.conn.readHead()
	if err != nil {
		return nil, f.fail(before, cmp.Or(failed, fmt.Errorf("read the answer: %w", err)))
	}
	f.body = resp.Body
	f.over = resp.Body == http.NoBody
	f.once = failed != nil || resp.Close || resp.StatusCode == http.StatusSwitchingProtocols
	resp.Body = f
	return resp, nil //nolint:nilerr // an answer counts, also where the request was not read whole
}

// fail gives up, and says what is proven of what was written.
func (f *flight) fail(before int64, err error) error {
	f.release()
	f.conn.abort()
	f.written() // the bytes are lent
	if f.conn.below.written.Load() == before {
		return upstream.Unsent(err)
	}
	return err
}

// write sends small requests at once, and begins to send large ones. An
// upstream that hangs up while it is written to may have answered.
func (f *flight) write(r *request) error {
	if len(r.head)+len(r.body) <= atOnce {
		r.head = append(r.head, r.body...)
		return writing(f.conn.Write(r.head))
	}
	f.writing = make(chan error, 1)
	go func() {
		_, err := f.conn.Write(r.head)
		if err == nil {
			_, err = f.conn.Write(r.body)
		}
		f.writing <- err
	}()
	return nil
}

func writing(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return nil
}

// written waits until nobody writes any more.
func (f *flight) written() {
	if f.writing != nil {
		<-f.writing //nolint:errcheck // an answer came, or the connection is given up
		f.writing = nil
	}
}

// sent says whether all was written. If not, the rest is not wanted.
func (f *flight) sent() bool {
	if f.writing == nil {
		return true
	}
	select {
	case err := <-f.writing:
		f.writing = nil
		f.once = f.once || err != nil
		return err == nil
	default:
		return false
	}
}

// leave lets the caller's context end without ending the exchange.
func (f *flight) leave() {
	if !f.unwatch[0]() {
		f.once = true
	}
	f.unwatch[0] = settled
}

// outlive lets the exchange go on for as long as a context does, instead of the
// one that bounded it.
func (f *flight) outlive(alive context.Context) {
	f.unwatch[0]() // if that has ended, the connection has, too
	f.unwatch[0] = context.AfterFunc(alive, f.conn.abort)
}

func settled() bool { return true }

// release stops watching the contexts. It says whether none had ended.
func (f *flight) release() bool {
	first, second := f.unwatch[0](), f.unwatch[1]()
	return first && second
}

// Read reads the body of the answer.
func (f *flight) Read(p []byte) (int, error) {
	n, err := f.body.Read(p)
	f.over = f.over || err == io.EOF
	return n, err
}

// Close gives the connection back when nothing more comes over it, and ends
// it otherwise.
func (f *flight) Close() error {
	good := f.sent() && f.release() && f.over && !f.once && f.conn.reader.Buffered() == 0
	if good {
		f.idle.keep(f.conn)
		return nil
	}
	f.release()
	f.conn.abort()
	f.written() // the bytes are lent
	return nil
}
