package upstream

import (
	"context"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// The transports a Spec may name.
const (
	Streamable = "streamable" // HTTP, of either era
	SSE        = "sse"        // HTTP with server-sent events, of 2024-11-05
	Stdio      = "stdio"      // a child process
)

const (
	// defaultMaxResult bounds one answer of an upstream that is held whole, in
	// bytes.
	defaultMaxResult = 64 << 20

	defaultTimeout     = 60 * time.Second
	defaultRefresh     = 30 * time.Second
	defaultMaxChildren = 16
)

// A Spec says how one app is reached. It is validated where configuration is
// read; here zero values take the documented defaults.
type Spec struct {
	App string // the app's id
	// Transport is a key of Options.Transports. Empty means Stdio where
	// Command is set, and Streamable otherwise.
	Transport string

	URL     string            // HTTP endpoint
	Headers map[string]string // sent on every HTTP request

	Command []string // program and arguments of a child
	// Env is the child's whole environment. Nothing is inherited: whoever
	// makes the Spec puts PATH and HOME in.
	Env         map[string]string
	MaxChildren int // of stdio: children besides the one that lists; 0 means 16

	// Shared lets all callers use one connection. Otherwise each (tenant,
	// subject) has its own, and the lists come over one that no caller uses.
	Shared bool

	Timeout   time.Duration // bounds each wait for the upstream; 0 means 60 s
	Refresh   time.Duration // lists are fetched this often; 0 means 30 s
	MaxResult int64         // bytes of one answer that is held whole; 0 means 64 MiB
}

func (s Spec) completed() Spec {
	if s.Transport == "" {
		s.Transport = Streamable
		if len(s.Command) > 0 {
			s.Transport = Stdio
		}
	}
	s.MaxChildren = orDefault(s.MaxChildren, defaultMaxChildren)
	s.Timeout = orDefault(s.Timeout, defaultTimeout)
	s.Refresh = orDefault(s.Refresh, defaultRefresh)
	s.MaxResult = orDefault(s.MaxResult, defaultMaxResult)
	return s
}

func orDefault[T int | int64 | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// A Caller is for whom a connection is kept. People never share one unless
// the app is shared.
type Caller struct {
	Tenant  ostiary.Tenant
	Subject ostiary.Subject
}

// A Header is one HTTP header of one call, such as a credential. Other
// transports have no place for it and ignore it.
type Header struct {
	Name  string
	Value ostiary.Secret
}

// A Request is an allowed call on its way.
type Request struct {
	Method string // "tools/call"
	// Params is a JSON object, or nil. Names in it are the upstream's own.
	// Everything in it arrives as it is, except that the members of _meta
	// that concern one hop are written anew: see doc.go.
	Params []byte
	Header []Header
	// Edition of the configuration that the call was decided by: it goes to the
	// app as that has it. See [Change.Apply].
	Edition uint64
	// LogLevel is from which level on the caller wants to hear what the
	// upstream logs; zero: of none. More than that may come.
	LogLevel LogLevel
	// Sessions says that the caller speaks an era with transport sessions. An
	// upstream that speaks both kinds is spoken to in the caller's.
	Sessions bool
	// Asks is what the upstream may ask of the caller while it works on this
	// request. It is declared to the upstream, and all else is refused. Ask
	// gets what an upstream asks in an era with sessions; it must be there
	// when Asks is not nothing. It is called from one goroutine at a time and
	// must not block.
	Asks Asks
	Ask  func(*Question)
	// Tasks says that the caller can be answered with a task. It is declared to
	// a stateless upstream, and so has to be for what is said of tasks later.
	Tasks bool
	wait  *deadline // where something may be asked
	// Pass takes a large result while it comes; nil: it is held whole. Not all
	// transports offer it.
	Pass  Passer
	alive context.Context // of the caller, not bounded by the app's timeout

	// Notify gets the progress and log notifications of this call as JSON,
	// with the caller's own progress token; nil: nobody wants them. It is
	// called from one goroutine at a time, keeps nothing of raw, and must
	// not block.
	Notify func(raw []byte)
	// acknowledged gets the params with which a subscriptions/listen is
	// answered first.
	acknowledged func(params []byte)
}

// A Passer passes on large results while they come.
type Passer interface {
	// Pass is called once at most, with a result of which only the head was
	// read, and the protocol version that was spoken. It copies the result, or
	// reads nothing and returns false to have it whole in the Reply. What was
	// taken is in no Reply; its error is that of the call.
	Pass(p *wire.Passage, version string) (taken bool, err error)
}

// A Reply is what the upstream answered: a result or a JSON-RPC error, each
// exactly as it came.
type Reply struct {
	Result []byte
	Err    []byte // the error object; nil when there is a result
	Era    string // protocol version that was spoken: "2025-11-25"
	Bytes  int64  // size of the message that held the answer
}
