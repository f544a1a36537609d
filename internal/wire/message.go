package wire

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// A Kind says what a message is. The zero Kind is none: such a message was
// refused.
type Kind uint8

// The kinds of message (JSON-RPC 2.0 sections 4, 4.1 and 5).
const (
	Invalid Kind = iota
	Request
	Notification // a request without id: nobody waits for an answer
	Response
)

// A Message is a parsed envelope. Byte fields are JSON and parts of the
// body, without the space around them, and must not be changed; nil where
// absent. After an error it holds what was found until then, so that an
// answer can carry the id.
type Message struct {
	Kind   Kind
	Body   []byte // the message itself
	ID     []byte // a string or an integer; null at most in a Response with an Error
	Method string
	Params []byte // an object
	Result []byte // of a Response
	Error  []byte // of a Response, an object
	// Flaw is why two readers would read a message of a server differently, a
	// ParseError: it is no UTF-8, or its result or error has a member twice.
	Flaw error

	// Name is what the request is about: params.name of tools/call and
	// prompts/get, params.uri of resources/read, subscribe and unsubscribe,
	// params.taskId of tasks/*. Never empty for those that every era has:
	// tools/call, prompts/get and resources/read.
	Name string
	// The other members of params that the gateway reads, in requests of
	// every method.
	Arguments      []byte // an object
	Cursor         []byte
	RequestState   []byte // a string
	InputResponses []byte // an object
	Task           []byte
	Meta           Meta

	argumentsAt int // offset of Arguments in Body
	paramsAt    int // offset of Params in Body
}

// Meta is params._meta. Fields of 2026-07-28 are absent in older messages.
type Meta struct {
	Raw                []byte // an object
	ProgressToken      []byte // a string or an integer
	ProtocolVersion    string // "" when absent; never empty otherwise
	ClientInfo         []byte
	ClientCapabilities []byte // an object
	LogLevel           []byte
	Trace              bool // dev.ostiary/trace is true
}

// Keys of _meta.
const (
	MetaProtocolVersion    = "io.modelcontextprotocol/protocolVersion"
	MetaClientInfo         = "io.modelcontextprotocol/clientInfo"
	MetaClientCapabilities = "io.modelcontextprotocol/clientCapabilities"
	MetaServerInfo         = "io.modelcontextprotocol/serverInfo"
	MetaLogLevel           = "io.modelcontextprotocol/logLevel"
	MetaSubscriptionID     = "io.modelcontextprotocol/subscriptionId"
	MetaProgressToken      = "progressToken"
	MetaTrace              = "dev.ostiary/trace"
	MetaDecision           = "dev.ostiary/decision"
)

// What is read from an envelope; each has its twins refused, whatever the
// method.
var (
	envelopeKeys = NewKnown("jsonrpc", "id", "method", "params", "result", "error")
	paramsKeys   = NewKnown("name", "arguments", "_meta", "cursor", "uri", "requestState", "inputResponses",
		"task", "taskId", "ref", "argument", "context", "protocolVersion", "capabilities", "clientInfo", "requestId", "progressToken", "level")
	metaKeys = &Known{prefixes: []string{"io.modelcontextprotocol/", "dev.ostiary/"}}
)

func init() {
	for _, name := range []string{
		MetaProtocolVersion, MetaClientInfo, MetaClientCapabilities, MetaServerInfo, MetaLogLevel, MetaSubscriptionID,
		MetaProgressToken, MetaTrace, MetaDecision,
	} {
		metaKeys.Add(name)
	}
}

// roomForKeys is how many keys of open objects a scan keeps on the stack.
const roomForKeys = 64

// Parse reads one message of a client: strictly, whole, once. A batch is
// refused with ErrBatch. Errors are ParseErrors, Code tells what to answer.
//
// A tools/call without id is a Notification here; it must never run, since
// nobody would learn what came of it.
func Parse(body []byte) (Message, error) { return parse(body, false) }

// ParseReply reads one message of a server. Its envelope and params are read
// as a client's are, the result or error as grammar only, and Unicode not at
// all: results are carried, not decided on, and a duplicate key deep down or
// half an emoji must not lose the answer of a call that was made. What nobody
// may be handed is a Flaw.
func ParseReply(body []byte) (Message, error) { return parse(body, true) }

func parse(body []byte, reply bool) (Message, error) {
	p := parser{m: Message{Body: body}, reply: reply}
	var room [roomForKeys]uint64
	var err error
	if reply {
		p.scanner = scanner{data: body, strict: true, keys: room[:0]}
		if !utf8.Valid(body) {
			p.m.Flaw = p.fail(ErrUnicode, invalidUTF8(body), "invalid UTF-8")
		}
	} else if p.scanner, err = newScanner(body, room[:0]); err != nil {
		return p.m, err
	}
	if p.peek() == '[' {
		return p.m, p.fail(ErrBatch, p.pos, "")
	}
	if err := p.envelope(); err != nil {
		return p.m, err
	}
	if err := p.end(); err != nil {
		return p.m, err
	}
	kind, err := p.complete()
	p.m.Kind = kind
	return p.m, err
}

// parser is a scanner that keeps what it finds.
type parser struct {
	scanner
	m       Message
	reply   bool
	version []byte // jsonrpc
	name    subject
}

// subject holds the candidates for Message.Name; which it is depends on the
// method, and the method may come last.
type subject struct{ name, uri, taskID []byte }

func (p *parser) envelope() error {
	o, err := p.openObject()
	if err != nil {
		return err
	}
	for {
		key, more, err := p.member(&o)
		if err != nil || !more {
			return err
		}
		if err := p.field(key); err != nil {
			return err
		}
	}
}

func (p *parser) field(key []byte) (err error) {
	switch string(key) {
	case "jsonrpc":
		p.version, err = p.span()
	case "id":
		p.m.ID, err = p.id()
	case "method":
		p.m.Method, err = p.text(ErrEnvelope, "method")
	case "params":
		err = p.params()
	case "result":
		p.m.Result, err = p.carried()
	case "error":
		p.m.Error, err = p.carried()
	default:
		if name, is := envelopeKeys.twin(key); is {
			return p.twin(key, name)
		}
		err = p.value()
	}
	return err
}

// carried passes over what a server answered.
func (p *parser) carried() ([]byte, error) {
	if !p.reply {
		return p.span()
	}
	before := p.scanner
	span, err := p.outline()
	if errors.Is(err, ErrDuplicateKey) || errors.Is(err, ErrUnicode) {
		p.m.Flaw, p.scanner = err, before
		p.strict = false
		span, err = p.span()
	}
	p.strict = true
	return span, err
}

// outline passes over a value: strictly over the members of an object, and
// over what is in them as grammar only.
func (p *parser) outline() ([]byte, error) {
	if p.peek() != '{' {
		p.strict = false
		return p.span()
	}
	from := p.pos
	o, err := p.openObject()
	for more := err == nil; more; {
		p.strict = true
		if _, more, err = p.member(&o); err != nil || !more {
			break
		}
		p.strict = false
		if err = p.value(); err != nil {
			break
		}
	}
	return p.data[from:p.pos:p.pos], err
}

// id reads the id of a request or response: "MUST include a string or
// integer ID" (MCP, Messages). Null is kept for answers to what could not be
// read.
func (p *parser) id() ([]byte, error) {
	at := p.pos
	span, err := p.span()
	if err != nil {
		return nil, err
	}
	if span[0] != '"' && span[0] != 'n' && !isInteger(span) {
		return nil, p.fail(ErrEnvelope, at, "id must be a string or an integer")
	}
	return span, nil
}

func isInteger(token []byte) bool {
	return len(token) > 0 && (token[0] == '-' || token[0]-'0' <= 9) && !bytes.ContainsAny(token, ".eE")
}

// text reads a string that must not be empty.
func (p *parser) text(what error, name string) (string, error) {
	at := p.pos
	token, err := p.span()
	if err != nil {
		return "", err
	}
	if token[0] != '"' || len(token) == 2 {
		return "", p.fail(what, at, name+" must be a string that isn't empty")
	}
	return intern(decodeText(token, bytes.IndexByte(token, '\\') >= 0)), nil
}

// object reads an object that is carried as bytes.
func (p *parser) objectSpan(name string) ([]byte, error) {
	if p.peek() != '{' {
		return nil, p.fail(ErrParams, p.pos, name+" must be an object")
	}
	return p.span()
}
