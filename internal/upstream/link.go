package upstream

import (
	"context"
	"log/slog"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// An Opener prepares the way to one app. It does not yet connect.
type Opener func(Spec, Tools) (Transport, error)

// Tools are what a transport works with.
type Tools struct {
	Logger *slog.Logger // never nil; names the app already
	Clock  ostiary.Clock
	Counts *Counts
}

// A Transport makes connections to one app. It is safe for concurrent use.
type Transport interface {
	// Dial makes a new connection. Messages that belong to no call go to
	// receive, one at a time. ctx bounds the dialing, not the connection.
	Dial(ctx context.Context, receive Receiver) (Link, error)
	// Costly says that each connection holds something open from the start,
	// a process or a stream: a broken one is made again with backoff.
	Costly() bool
	// Close gives back what the connections share. They are closed before.
	Close() error
}

// A Receiver takes a request or notification of the upstream. It must not
// block, and keeps nothing of m.
type Receiver func(m wire.Message)

// A Link is one connection. It knows framing and headers and nothing of what
// the messages mean. It is safe for concurrent use.
type Link interface {
	// Do sends a request and waits for the answer with its id, which is the
	// caller's to keep. An error is marked with Unsent where it is proven
	// that nothing was written. A request whose ctx ends is cancelled
	// upstream in the manner of its era.
	Do(ctx context.Context, m *Message) (wire.Message, error)
	// Post sends a notification or an answer.
	Post(ctx context.Context, m *Message) error
	// Done is closed when the connection broke, and Err then says why.
	Done() <-chan struct{}
	Err() error
	// Close ends the connection and waits until it has ended.
	Close() error
}

// A Listener is a Link with a stream of its own for what belongs to no call:
// HTTP GET, before 2026-07-28.
type Listener interface {
	// Listen passes on messages until the stream or ctx ends, and calls opened
	// once there is a stream. It returns ErrNoStream when the upstream offers
	// none.
	Listen(ctx context.Context, version string, opened func(), receive Receiver) error
}

// A Sessioner is a Link that has to be told by the upstream whether there is a
// transport session, after initialize. Without one the upstream can ask
// nothing, since no answer would find back to it.
type Sessioner interface {
	InSession() bool
}

// A Message is one JSON-RPC message on its way to an upstream.
type Message struct {
	ID      int64  // the id in Body; 0 for what has none
	Method  string // as in Body; "" for an answer
	Name    string // of the tool or prompt, or URI of the resource
	Version string // protocol version; "" before it is agreed on
	Header  []Header
	// Body is the whole message. The link reads it only until Do or Post
	// returns, and may replace line breaks between tokens by spaces.
	Body []byte
	// Receive gets what the upstream says while it works on this request,
	// where the transport can tell. nil: it is dropped.
	Receive Receiver
	// Pass takes a large result while it comes; nil: it must be held. Its
	// caller may read for as long as Alive goes on: from then on the context of
	// Do counts no more, and a link bounds only its own waits for the upstream.
	Pass  Passer
	Alive context.Context
}

// Stateless reports whether m is of an era without sessions, where ending a
// request's stream cancels it and a server may not ask the client.
func (m *Message) Stateless() bool { return wire.Stateless(m.Version) }
