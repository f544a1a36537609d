package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A torrent is an upstream of one era whose tool answers with a text of so
// many bytes, as JSON or as an event, and can go wrong in the middle of it.
type torrent struct {
	*parrot
	written atomic.Int64 // of the answer under way
	gone    chan struct{}
	resume  chan struct{} // lets an answer that stops go on

	mu  sync.Mutex
	sum uint64 // of the result that was written last
}

// What a torrent is asked for.
type wanted struct {
	Size int    // bytes, about
	Mind string // what goes wrong in the middle; "" nothing does
	app  string // "" is small
}

func newTorrent(t *testing.T, era, manner string) *torrent {
	t.Helper()
	p := &parrot{era: era, manner: manner, sayings: map[int]*saying{}, tools: []string{`{"name":"pour","inputSchema":{"type":"object"}}`}}
	w := &torrent{parrot: p, gone: make(chan struct{}, 1), resume: make(chan struct{})}
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	p.app = fmt.Sprintf("url: %q", s.URL+"/mcp")
	return w
}

func (w *torrent) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct {
			Arguments wanted
			Meta      struct{ ProgressToken json.RawMessage } `json:"_meta"`
		}
	}
	if json.Unmarshal(body, &m) != nil || m.Method != "tools/call" {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.parrot.ServeHTTP(out, r)
		return
	}
	w.written.Store(0)
	if token := m.Params.Meta.ProgressToken; token != nil && w.manner == "sse" {
		out.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(out, asEvent(1, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, token)))
	}
	w.pour(out, r, string(m.ID), m.Params.Arguments)
	if r.Context().Err() != nil {
		select {
		case w.gone <- struct{}{}:
		default:
		}
	}
}

// A tally counts and sums what is written of a result.
type tally struct {
	out io.Writer
	n   *atomic.Int64
	sum hash.Hash64
}

func (s *tally) Write(p []byte) (int, error) {
	_, _ = s.sum.Write(p)
	n, err := s.out.Write(p)
	s.n.Add(int64(n))
	return n, err
}

var polynomial = crc64.MakeTable(crc64.ECMA)

// piece of a text, with all that is odd in one.
var piece = []byte(strings.Repeat(`0123456789 \"\\\n\u00e9 ü 😀 {}[],: `, 1000))

func (w *torrent) pour(out http.ResponseWriter, r *http.Request, id string, want wanted) {
	before, behind := `{"jsonrpc":"2.0","result":`, `,"id":`+id+`}`
	out.Header().Set("Content-Type", "application/json")
	if w.manner == "sse" {
		out.Header().Set("Content-Type", "text/event-stream")
		before, behind = "event: message\ndata: "+before, behind+"\n\n"
	}
	_, _ = io.WriteString(out, before)
	result := &tally{out, &w.written, crc64.New(polynomial)}
	kind := ""
	if w.era == modern {
		kind = `"resultType":"complete",`
	}
	_, _ = io.WriteString(result, `{`+kind+`"huge":12345678901234567890,"content":[{"type":"text","text":"`)
	for sent := 0; sent < want.Size; sent += len(piece) {
		if sent <= want.Size/2 && sent+len(piece) > want.Size/2 && !w.goesOn(out, result, r, want.Mind) {
			return
		}
		if _, err := result.Write(piece); err != nil {
			return
		}
	}
	failed := want.Mind == "fails"
	_, _ = fmt.Fprintf(result, `"}],"isError":%v}`, failed)
	w.mu.Lock()
	w.sum = result.sum.Sum64()
	w.mu.Unlock()
	if want.Mind == "another id" {
		behind = strings.Replace(behind, id, id+"0", 1)
	}
	if want.Mind == "twice" {
		behind = `,"result":{"content":[]}` + behind
	}
	_, _ = io.WriteString(out, behind)
}

// goesOn does what goes wrong in the middle.
func (w *torrent) goesOn(out http.ResponseWriter, result io.Writer, r *http.Request, mind string) bool {
	_ = http.NewResponseController(out).Flush()
	switch mind {
	case "breaks off":
		panic(http.ErrAbortHandler)
	case "ends":
		return false
	case "spoils":
		_, _ = result.Write([]byte("\x01"))
	case "closes":
		_, _ = result.Write([]byte(`"}]}}`))
	case "stops":
		select {
		case <-w.resume:
		case <-r.Context().Done():
		}
	}
	return true
}

func (w *torrent) said() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sum
}
