package mcp

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// An answer is one JSON-RPC response and what HTTP says beside it. An answer
// with neither result nor fault has no body.
type answer struct {
	status    int    // of HTTP; zero means 200
	challenge string // WWW-Authenticate
	session   string // Mcp-Session-Id
	retry     string // Retry-After, in seconds
	id        []byte // JSON; nil where none could be read
	result    []byte // JSON, or
	fault     []byte // the error object
	gone      bool   // nobody waits for it any more
}

// Header values that are the same for all, so that they cost nothing.
var (
	noStore  = []string{"no-store"}
	jsonType = []string{"application/json"}
	sseType  = []string{"text/event-stream"}
)

var accepted = answer{status: http.StatusAccepted}

// write sends an answer as the whole response.
func (x *exchange) write(a answer) {
	if a.gone {
		return
	}
	x.begun = true
	header := x.w.Header()
	if a.challenge != "" {
		header.Set("WWW-Authenticate", a.challenge)
	}
	if a.session != "" {
		header[wire.HeaderSession] = []string{a.session}
	}
	if a.retry != "" {
		header["Retry-After"] = []string{a.retry}
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	if a.result == nil && a.fault == nil {
		x.w.WriteHeader(status)
		return
	}
	header["Content-Type"] = jsonType
	head, body := a.parts()
	header["Content-Length"] = []string{strconv.Itoa(len(head) + len(body) + 1)}
	x.w.WriteHeader(status)
	defer x.boundWriting(len(body))()
	// A client that is gone can't be told so.
	_, _ = x.w.Write(head)
	_, _ = x.w.Write(body)
	_, _ = x.w.Write(closing)
}

const (
	// buffered is what the machine takes off our hands without waiting for
	// the client, in bytes.
	buffered = 32 << 10
	// slowest is how fast a client has to read at least, in bytes a second.
	slowest = 32 << 10
)

// boundWriting gives a client a bounded time to read a large body. done ends
// it.
func (x *exchange) boundWriting(size int) (done func()) {
	if size <= buffered {
		return func() {}
	}
	control := http.NewResponseController(x.w)
	limit := writingTime + time.Duration(size/slowest)*time.Second
	x.keepAsking()
	x.mayWrite(control, ostiary.SystemClock{}.Now().Add(limit))
	return func() { _ = control.SetWriteDeadline(time.Time{}) }
}

var closing = []byte("}")

// parts are the response but for its closing brace, so that a large result
// is not copied.
func (a answer) parts() (head, body []byte) {
	id := a.id
	if id == nil {
		id = []byte("null")
	}
	head = make([]byte, 0, 64+len(id))
	head = append(append(head, `{"jsonrpc":"2.0","id":`...), id...)
	if a.fault != nil {
		return append(head, `,"error":`...), a.fault
	}
	return append(head, `,"result":`...), a.result
}

// message is the response as one piece.
func (a answer) message() []byte {
	head, body := a.parts()
	return append(append(head, body...), '}')
}

// failed is an error response with an HTTP status of its own.
func (x *exchange) failed(status int, id []byte, code int, message string) answer {
	return answer{status: status, id: id, fault: fault(code, message, nil)}
}

// soon is for how many seconds a client had better wait for what is not there
// just now.
const soon = "2"

// unavailable answers what can't be decided at the door: nothing was called.
func (x *exchange) unavailable(id []byte, message string) answer {
	raw, err := json.Marshal(meta{
		Code: strings.ToUpper(string(ostiary.ReasonUnavailable)), Decision: decision{Reason: ostiary.ReasonUnavailable},
	})
	if err != nil {
		panic(err) // of strings
	}
	return answer{
		status: http.StatusServiceUnavailable, retry: soon, id: id,
		fault: fault(wire.CodeInternalError, message, data(raw)),
	}
}

// fault is a JSON-RPC error object. Nil data is left out.
func fault(code int, message string, data []byte) []byte {
	dst := append(make([]byte, 0, 64+len(message)+len(data)), `{"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = wire.AppendString(append(dst, `,"message":`...), message)
	if data != nil {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, '}')
}

// malformed refuses a message that can't be taken, before any decision. The
// text says what is wrong and where.
func (x *exchange) malformed(id []byte, err error) answer {
	var data []byte
	var header *wire.HeaderError
	if errors.As(err, &header) {
		data = header.AppendData(nil)
	}
	return answer{status: http.StatusBadRequest, id: id, fault: fault(wire.Code(err), err.Error(), data)}
}

// errored is an error response under the status that the era gives its code:
// before 2026-07-28 always 200, since clients of that time read a 404 as the
// end of their session.
func (q *question) errored(code int, message string, data []byte) answer {
	return answer{status: q.statusOf(code), id: q.m.ID, fault: fault(code, message, data)}
}

func (q *question) statusOf(code int) int {
	if !q.stateless() {
		return http.StatusOK
	}
	switch code {
	case wire.CodeMethodNotFound:
		return http.StatusNotFound
	case wire.CodeInvalidParams, wire.CodeUnsupportedVersion, wire.CodeMissingCapability:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func (q *question) answered(result []byte) answer { return answer{id: q.m.ID, result: result} }
