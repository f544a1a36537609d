package upstream

import (
	"strconv"
	"sync"

	"github.com/ostiary/ostiary/internal/wire"
)

// maxPooled is the size, in bytes, from which a buffer is left to the garbage
// collector: one huge call must not keep its memory for ever.
const maxPooled = 1 << 20

// buffers hold messages while they are sent.
var buffers = sync.Pool{New: func() any { return newBuffer() }}

func newBuffer() *[]byte {
	b := make([]byte, 0, 4<<10)
	return &b
}

func recycle(b *[]byte) {
	if cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}

// encode appends the message of a request to dst.
func (c *conn) encode(dst []byte, id int64, req Request, in *call) ([]byte, error) {
	params, err := c.params(id, req, in)
	if err != nil {
		return dst, err
	}
	var digits [20]byte
	return wire.AppendRequest(dst, strconv.AppendInt(digits[:0], id, 10), req.Method, params), nil
}

// params writes the members of _meta that concern this hop: in the stateless
// era who asks and in which version; before it nothing, since there a request
// with them is refused. The progress token is ours while the call is on its
// way, because "progress tokens MUST be unique across all active requests",
// and those of two clients on one connection need not be.
func (c *conn) params(id int64, req Request, in *call) ([]byte, error) {
	params := req.Params
	_, hasMeta := wire.Lookup(params, "_meta")
	if !hasMeta && !wire.Stateless(c.version) {
		return params, nil
	}
	if params == nil {
		params = []byte("{}")
	}
	e := wire.NewEdit(params)
	if wire.Stateless(c.version) {
		e.SetText(c.version, "_meta", wire.MetaProtocolVersion)
		e.Set(c.app.client, "_meta", wire.MetaClientInfo)
		e.Set(req.declares(req.inResults()), "_meta", wire.MetaClientCapabilities)
	} else {
		e.Drop("_meta", wire.MetaProtocolVersion)
		e.Drop("_meta", wire.MetaClientInfo)
		e.Drop("_meta", wire.MetaClientCapabilities)
	}
	if req.LogLevel != 0 {
		c.editLevel(e, req.LogLevel)
	}
	if in != nil && in.token != nil {
		e.Set(strconv.AppendInt(nil, id, 10), "_meta", wire.MetaProgressToken)
	} else if hasMeta {
		e.Drop("_meta", wire.MetaProgressToken)
	}
	return e.Bytes()
}

// editLevel says in each request of the stateless era what is to be logged;
// before it, logging/setLevel has said so.
func (c *conn) editLevel(e *wire.Edit, level LogLevel) {
	if wire.Stateless(c.version) {
		e.SetText(level.String(), "_meta", wire.MetaLogLevel)
		return
	}
	e.Drop("_meta", wire.MetaLogLevel)
}

// withToken puts the caller's own token into a progress notification.
func withToken(m wire.Message, token []byte) ([]byte, error) {
	return wire.NewEdit(m.Body).Set(token, "params", wire.MetaProgressToken).Bytes()
}

// Cancelled is the message that cancels the request with an id, or nil for one
// that must not be cancelled ("the initialize request MUST NOT be cancelled by
// clients", 2025-11-25 basic/utilities/cancellation).
func Cancelled(m *Message) *Message {
	if m.ID == 0 || m.Method == wire.MethodInitialize {
		return nil
	}
	params := append(strconv.AppendInt([]byte(`{"requestId":`), m.ID, 10), '}')
	body := wire.AppendRequest(nil, nil, wire.MethodCancelled, params)
	return &Message{Method: wire.MethodCancelled, Version: m.Version, Body: body}
}

const excerptLength = 120

// Excerpt quotes the beginning of what an upstream said, for an error or a
// log line.
func Excerpt(raw []byte) string {
	if len(raw) <= excerptLength {
		return strconv.QuoteToASCII(string(raw))
	}
	return strconv.QuoteToASCII(string(raw[:excerptLength])) + "…"
}
