package streamable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

var (
	errNoAnswer = errors.New("the stream ended without an answer")
	errOtherID  = errors.New("the answer has another id than the request")
)

const (
	// maxRefusal is read of the body of a response that is no success.
	maxRefusal = 64 << 10
	// drainTime is how long a stream may go on after its answer. One that
	// ends in time leaves its connection for the next request.
	drainTime = 50 * time.Millisecond
)

// An exchange is one response while it is read, and those with which its
// stream is taken up again.
type exchange struct {
	link *link
	m    *upstream.Message
	resp *response
	// streaming is set once the body is read as events: it may go on after
	// the answer. All other bodies were read to their end.
	streaming bool
	// passing is set once the caller passes the result on while it is read.
	passing bool
	// broke is set when a stream ended before the answer, and at says where.
	broke bool
	at    position
}

// read finds the answer in the response, whatever form it has.
func (x *exchange) read(ctx context.Context) (wire.Message, error) {
	if x.resp.StatusCode != http.StatusOK {
		return x.unsuccessful()
	}
	switch mediaType(x.resp.Header.Get("Content-Type")) {
	case jsonType:
		return x.whole(ctx)
	case eventStream:
		return x.answered(ctx)
	default:
		return wire.Message{}, x.strange()
	}
}

func mediaType(value string) string {
	if value == jsonType || value == eventStream {
		return value
	}
	media, _, err := mime.ParseMediaType(value)
	if err != nil {
		return ""
	}
	return media
}

// whole reads an answer that is the body.
func (x *exchange) whole(ctx context.Context) (wire.Message, error) {
	body, more, err := x.head()
	if err != nil {
		return wire.Message{}, err
	}
	if more {
		if answer, taken, err := x.pass(ctx, body, x.resp.Body); taken {
			return answer, err
		}
		if body, err = x.rest(body, x.resp.Body); err != nil {
			return wire.Message{}, err
		}
	}
	answer, err := wire.ParseReply(body)
	if err != nil {
		return wire.Message{}, fmt.Errorf("the answer %s: %w", upstream.Excerpt(body), err)
	}
	if !x.answers(answer) {
		return wire.Message{}, fmt.Errorf("%w: %s", errOtherID, upstream.Excerpt(body))
	}
	return answer, nil
}

// head reads everything, into one piece of memory where its length is known;
// or, where that can be passed on, so much that there may be more.
func (x *exchange) head() (body []byte, more bool, err error) {
	length, passable := x.resp.ContentLength, x.m.Pass != nil
	switch {
	case length > wire.HeadSize && passable:
		length, more = wire.HeadSize, true
	case length > x.link.maxResult:
		return nil, false, tooLarge(x.link.maxResult)
	case length < 0 && passable:
		body, err = io.ReadAll(io.LimitReader(x.resp.Body, wire.HeadSize))
		return body, len(body) == wire.HeadSize, reading(err)
	case length < 0:
		body, err = x.rest(nil, x.resp.Body)
		return body, false, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(x.resp.Body, body)
	return body, more, reading(err)
}

// rest reads all that follows a head.
func (x *exchange) rest(head []byte, in io.Reader) ([]byte, error) {
	limit := x.link.maxResult
	if x.resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	more, err := io.ReadAll(io.LimitReader(in, limit+1-int64(len(head))))
	if err != nil {
		return nil, reading(err)
	}
	if int64(len(head)+len(more)) > limit {
		return nil, tooLarge(limit)
	}
	if head == nil {
		return more, nil
	}
	return append(head, more...), nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("an answer of more than %d bytes: %w", limit, wire.ErrTooLarge)
}

func reading(err error) error {
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// answers tells whether a message is the answer to this request.
func (x *exchange) answers(m wire.Message) bool {
	return m.Kind == wire.Response && string(m.ID) == strconv.FormatInt(x.m.ID, 10)
}

// events reads a stream up to the answer.
func (x *exchange) events(ctx context.Context) (wire.Message, error) {
	x.streaming, x.broke = true, false
	reader := wire.NewEventReader(x.resp.Body, int(x.link.maxResult))
	for {
		event, more, err := reader.NextUpTo(x.most())
		if err != nil {
			x.broke = !errors.Is(err, wire.ErrTooLarge)
			x.at.move(reader)
		}
		if errors.Is(err, io.EOF) {
			return wire.Message{}, errNoAnswer
		}
		if err != nil {
			return wire.Message{}, fmt.Errorf("read the stream: %w", err)
		}
		if more {
			if answer, taken, err := x.passEvent(ctx, event, reader); taken {
				return answer, err
			}
			if event.Data, err = x.rest(event.Data, reader); err != nil {
				return wire.Message{}, fmt.Errorf("read the stream: %w", err)
			}
		}
		if len(event.Data) == 0 || event.Name != "" && event.Name != "message" {
			continue
		}
		answer, err := x.event(event.Data)
		if err != nil || answer.Kind == wire.Response {
			return answer, err
		}
	}
}

// event takes one message of a stream, and returns it if it is the answer.
func (x *exchange) event(data []byte) (wire.Message, error) {
	m, err := wire.ParseReply(data)
	switch {
	case err != nil:
		return wire.Message{}, fmt.Errorf("an event %s: %w", upstream.Excerpt(data), err)
	case x.m.ID != 0 && x.answers(m):
		return m, nil
	case m.Kind == wire.Response:
		x.link.tools.Counts.Strays.Add(1)
		return wire.Message{}, nil
	}
	if x.m.Receive != nil {
		x.m.Receive(m)
	}
	return wire.Message{}, nil
}

// finish leaves the connection for the next request where that is possible
// without waiting: a stream SHOULD end with the answer, and one that goes on
// is cut off.
func (x *exchange) finish() {
	if !x.streaming || !x.resp.sent() {
		x.close()
		return
	}
	x.resp.leave()
	if !x.link.beside.Go(x.drain) {
		x.close()
	}
}

func (x *exchange) drain() {
	timer := time.AfterFunc(drainTime, x.resp.conn.abort)
	_, _ = io.CopyN(io.Discard, x.resp.Body, maxRefusal) // whatever comes is not wanted
	x.resp.once = x.resp.once || !timer.Stop()
	x.close()
}

func (x *exchange) close() { _ = x.resp.Body.Close() }
