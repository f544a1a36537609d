package wire

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a message. Errors of this package wrap one of them.
var (
	ErrSyntax       = errors.New("not JSON")
	ErrUnicode      = errors.New("broken Unicode")
	ErrDepth        = errors.New("nested too deep")
	ErrDuplicateKey = errors.New("duplicate key")
	ErrTwinKey      = errors.New("key that only looks like a known one")
	ErrBatch        = errors.New("batch of messages")
	ErrEnvelope     = errors.New("not a JSON-RPC message")
	ErrParams       = errors.New("invalid params")
	ErrTooLarge     = errors.New("too large")
)

// Error codes of JSON-RPC 2.0 section 5.1 and of MCP. URLElicitationRequired
// and ResourceNotFound belong to revisions with sessions only.
const (
	CodeParseError             = -32700
	CodeInvalidRequest         = -32600
	CodeMethodNotFound         = -32601
	CodeInvalidParams          = -32602
	CodeInternalError          = -32603
	CodeHeaderMismatch         = -32020
	CodeMissingCapability      = -32021
	CodeUnsupportedVersion     = -32022
	CodeResourceNotFound       = -32002
	CodeURLElicitationRequired = -32042
)

// A ParseError says what is wrong with a message and where.
type ParseError struct {
	Err    error  // one of the sentinels
	Detail string // in words; "" when Err says it all
	Offset int    // of the byte, from the start of the message
	Path   string // of the value or member there: $.params.arguments["a b"][3]
}

func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString(e.Err.Error())
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	fmt.Fprintf(&b, " at byte %d (%s)", e.Offset, e.Path)
	return b.String()
}

func (e *ParseError) Unwrap() error { return e.Err }

// Code returns the JSON-RPC error code that tells a client of err, which
// came from this package: CodeInternalError for what it does not know.
func Code(err error) int {
	var header *HeaderError
	switch {
	case errors.As(err, &header):
		return header.Code
	case errors.Is(err, ErrSyntax), errors.Is(err, ErrUnicode):
		return CodeParseError
	case errors.Is(err, ErrParams):
		return CodeInvalidParams
	case errors.Is(err, ErrDepth), errors.Is(err, ErrDuplicateKey), errors.Is(err, ErrTwinKey),
		errors.Is(err, ErrBatch), errors.Is(err, ErrEnvelope), errors.Is(err, ErrTooLarge):
		return CodeInvalidRequest
	}
	return CodeInternalError
}

const excerptLength = 60

// excerpt quotes the beginning of foreign bytes for an error or a log line.
func excerpt(b []byte) string {
	if len(b) <= excerptLength {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q…", b[:excerptLength])
}
