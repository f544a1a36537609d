package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	// endOfResult ends every result, so that a cut one is noticed.
	endOfResult = "end-of-result"

	maxResult  = 16 << 20 // of text
	maxRequest = 1 << 20
	chunkSize  = 64 << 10
	smallest   = 64  // bytes of text in the result of a stream
	notices    = 10  // progress notifications in a stream
	listed     = 999 // tools beside the one that is called
)

var chunk = bytes.Repeat([]byte("x"), chunkSize)

// upstream is an MCP server with next to no overhead of its own, without
// sessions in both eras. Its one tool, result, answers with a text of as
// many bytes as it is asked for. It counts every request, whatever it is.
type upstream struct {
	requests atomic.Int64
}

// message is as much of a JSON-RPC message as the upstream looks at.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ProtocolVersion string `json:"protocolVersion"`
		Arguments       struct {
			Bytes   int `json:"bytes"`
			Notices int `json:"notices"`
		} `json:"arguments"`
		Meta struct {
			ProgressToken json.RawMessage `json:"progressToken"`
		} `json:"_meta"`
	} `json:"params"`
}

func runUpstream(ctx context.Context, args []string) error {
	if len(args) != 0 {
		return fmt.Errorf("upstream takes no arguments, got %q", args)
	}
	return serve(ctx, new(upstream).handler())
}

func (u *upstream) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/mcp", u.serveMCP)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, u.requests.Load())
	})
	return mux
}

func (u *upstream) serveMCP(w http.ResponseWriter, r *http.Request) {
	u.requests.Add(1)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST: there are no sessions here", http.StatusMethodNotAllowed)
		return
	}
	m, err := readMessage(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if m.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	u.answer(w, m)
}

func readMessage(w http.ResponseWriter, r *http.Request) (message, error) {
	var m message
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return m, fmt.Errorf("read the message: %w", err)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("parse the message: %w", err)
	}
	if m.Method == "" {
		return m, errors.New("parse the message: no method")
	}
	return m, nil
}

func (u *upstream) answer(w http.ResponseWriter, m message) {
	switch m.Method {
	case "tools/call":
		if m.Params.Arguments.Notices > 0 {
			answerStream(w, m)
			return
		}
		answerCall(w, m)
	case "tools/list":
		answerResult(w, m.ID, toolList)
	case "server/discover":
		answerResult(w, m.ID, discovered)
	case "initialize":
		answerResult(w, m.ID, fmt.Sprintf(initialized, strconv.Quote(m.Params.ProtocolVersion)))
	case "ping":
		answerResult(w, m.ID, `{}`)
	default:
		answerError(w, m.ID, -32601, "method not found")
	}
}

// The upstream's fixed results. Members that only one era knows are ignored
// by the other.
const (
	discovered = `{"resultType":"complete","ttlMs":0,"cacheScope":"private",` +
		`"supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}},` +
		`"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}}`
	initialized = `{"protocolVersion":%s,"capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}`
)

// toolList is the whole list. The last tool in the order of names ends with
// endOfResult.
var toolList = makeToolList()

func makeToolList() string {
	var list strings.Builder
	list.WriteString(`{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[`)
	for i := range listed {
		fmt.Fprintf(&list, toolOf+",", fmt.Sprintf("listed_%04d", i), "Is on the list.")
	}
	fmt.Fprintf(&list, toolOf, tool, "Answers with a text of so many bytes. "+endOfResult)
	list.WriteString(`]}`)
	return list.String()
}

const toolOf = `{"name":%q,"description":%q,` +
	`"inputSchema":{"type":"object","properties":{"bytes":{"type":"integer"},"notices":{"type":"integer"}},"required":["bytes"]},` +
	`"annotations":{"readOnlyHint":true}}`

// answerStream sends as many notices as it is asked for, each when it is
// written, and then a small result.
func answerStream(w http.ResponseWriter, m message) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	event := func(format string, args ...any) error {
		if _, err := fmt.Fprintf(w, "data: "+format+"\n\n", args...); err != nil {
			return err
		}
		return control.Flush()
	}
	for i := range min(m.Params.Arguments.Notices, maxNotices) {
		if event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, m.Params.Meta.ProgressToken, i) != nil {
			return // the caller went away
		}
	}
	_ = event(callHead+"%s"+callTail, m.ID, endOfResult)
}

const maxNotices = 1000

// answerCall repeats one piece of memory, so that large results cost none.
func answerCall(w http.ResponseWriter, m message) {
	filler := m.Params.Arguments.Bytes - len(endOfResult)
	if filler < 0 || filler > maxResult {
		answerError(w, m.ID, -32602, "bytes is out of range")
		return
	}
	pieces := [][]byte{fmt.Appendf(nil, callHead, m.ID)}
	for ; filler > 0; filler -= chunkSize {
		pieces = append(pieces, chunk[:min(filler, chunkSize)])
	}
	send(w, append(pieces, []byte(endOfResult+callTail))...)
}

const (
	callHead = `{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","content":[{"type":"text","text":"`
	callTail = `"}]}}`
)

func answerResult(w http.ResponseWriter, id json.RawMessage, result string) {
	send(w, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result))
}

func answerError(w http.ResponseWriter, id json.RawMessage, code int, text string) {
	send(w, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q}}`, id, code, text))
}

// send writes the pieces one after the other. A caller that went away misses
// the rest, and notices.
func send(w http.ResponseWriter, pieces ...[]byte) {
	length := 0
	for _, piece := range pieces {
		length += len(piece)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(length))
	for _, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
