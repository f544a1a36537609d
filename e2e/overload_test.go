package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// lingering is what clients send that never come to an end.
var lingering = map[string]func(r goodRequest) (begin, drip string){
	"nothing":         func(goodRequest) (string, string) { return "", "" },
	"half a header":   func(r goodRequest) (string, string) { return r.line + r.host, "" },
	"endless headers": func(r goodRequest) (string, string) { return r.line + r.host, "X: y\r\n" },
	"half a body":     func(r goodRequest) (string, string) { s := r.spell(r.length()); return s[:len(s)-50], "" },
	"a body in drops": func(r goodRequest) (string, string) { return r.spell("Content-Length: 4000000\r\n"), " " },
	"endless chunks": func(r goodRequest) (string, string) {
		return strings.TrimSuffix(r.spell(chunkedLine), r.body), "1\r\n \r\n"
	},
}

// TestWhoNeverComesToAnEndHarmsNobody: others are served while many
// connections say nothing, or too little. How long those may go on is
// internal/gateway's to prove.
func TestWhoNeverComesToAnEndHarmsNobody(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)).start()
	alice := h.token("alice", "write")
	good := h.goodRequest(alice)
	const each = 20
	over := make(chan struct{})
	var ended sync.WaitGroup
	for _, linger := range lingering {
		begin, drip := linger(good)
		for range each {
			conn := h.dial(t)
			_, _ = io.WriteString(conn, begin)
			ended.Go(func() { trickle(conn, drip, over) })
		}
	}
	for range 50 {
		h.wantOK(h.call(alice, "small__act", act("one")))
	}
	close(over)
	ended.Wait()
	up.wantCalls(t, 50)
}

// trickle sends drop by drop until it is over.
func trickle(conn net.Conn, drop string, over <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			if _, err := io.WriteString(conn, drop); err != nil {
				return
			}
		}
	}
}

// dial opens a connection to the gateway that ends with the test.
func (h *house) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// TestAGigabyteIsTurnedAway: a message is refused once it is too large, by
// its length or by what came of it, and is not kept.
func TestAGigabyteIsTurnedAway(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)).start()
	alice := h.token("alice", "write")
	good := h.goodRequest(alice)
	const gigabyte = 1 << 30
	for what, c := range map[string]struct{ head, chunk string }{
		"by its length":   {good.spell(fmt.Sprintf("Content-Length: %d\r\n", gigabyte)), strings.Repeat(" ", 1<<20)},
		"which it awaits": {good.spell(fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", gigabyte)), strings.Repeat(" ", 1<<20)},
		"in chunks":       {strings.TrimSuffix(good.spell(chunkedLine), good.body), "100000\r\n" + strings.Repeat(" ", 1<<20) + "\r\n"},
	} {
		t.Run(what, func(t *testing.T) {
			status, sent := h.pourIn(t, c.head, c.chunk, gigabyte)
			if status != http.StatusRequestEntityTooLarge && status != 0 || sent > 64<<20 {
				t.Errorf("got status %d after %d bytes; want 413 after a few", status, sent)
			}
		})
	}
	h.wantOK(h.call(alice, "small__act", act("one")))
	up.wantCalls(t, 1)
	if most := h.peakMemory(); most > 512<<20 {
		t.Errorf("the gateway took %d MiB", most>>20)
	}
}

// pourIn sends a head and then chunks until an answer comes, the connection
// breaks, or so many bytes were sent. Status 0 is a broken connection.
func (h *house) pourIn(t *testing.T, head, chunk string, most int) (status, sent int) {
	t.Helper()
	conn := h.dial(t)
	_, _ = io.WriteString(conn, head)
	answered := make(chan int, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answered <- 0
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	for sent < most {
		n, err := io.WriteString(conn, chunk)
		sent += n
		if err != nil {
			break
		}
		select {
		case status = <-answered:
			return status, sent
		default:
		}
	}
	return <-answered, sent
}

// TestAnswersThatNobodyReadsHoldUpNobody: clients that ask for much and read
// nothing take what is theirs and no more.
func TestAnswersThatNobodyReadsHoldUpNobody(t *testing.T) {
	p := newParrot(t, modern, "json")
	p.tools = definitionsOf("")[:1]
	p.lay(1, &saying{result: `{"resultType":"complete","content":[{"type":"text","text":"` + strings.Repeat("much ", 4<<20) + `"}]}`})
	p.lay(2, &saying{result: `{"resultType":"complete","content":[{"type":"text","text":"did one"}]}`})
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, %s, shared: true}\n", p.app)).start()
	alice := h.token("alice", "write")
	body, header := stateless("tools/call", "small__say", `"name":"small__say","arguments":{"n":1}`)
	const idle = 8
	for range idle {
		conn := h.dial(t)
		r := h.goodRequest(alice)
		r.named, r.body = "Mcp-Name: "+header.Get("Mcp-Name")+"\r\n", body
		_, _ = io.WriteString(conn, r.spell(r.length()))
	}
	eventually(t, "all of them to be answered by the app", func() (string, bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Sprint(p.sayings[1].times), p.sayings[1].times == idle
	})
	for range 20 {
		h.wantOK(h.call(alice, "small__say", `{"n":2}`))
	}
	if most := h.peakMemory(); most > 1<<30 {
		t.Errorf("the gateway took %d MiB for %d answers of 20 MiB", most>>20, idle)
	}
}

// tooMany are lists without end.
var tooMany = map[string]func(w http.ResponseWriter, m parrotMessage){
	"pages without end": func(w http.ResponseWriter, m parrotMessage) {
		var cursor int64
		_ = json.Unmarshal(bytes.Trim(m.Params["cursor"], `"`), &cursor)
		var tools []string
		for i := range 100 {
			tools = append(tools, fmt.Sprintf(`{"name":"t%d-%d","inputSchema":{"type":"object"}}`, cursor, i))
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":[%s],"nextCursor":"%d"}}`, m.ID, strings.Join(tools, ","), cursor+1)
	},
	"one page of a gigabyte": func(w http.ResponseWriter, m parrotMessage) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":[`, m.ID)
		chunk := strings.Repeat(`{"name":"t","inputSchema":{"type":"object"}},`, 20_000)
		for sent := 0; sent < 1<<30; sent += len(chunk) {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	},
	"the same page again and again": func(w http.ResponseWriter, m parrotMessage) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"t","inputSchema":{"type":"object"}}],"nextCursor":"again"}}`, m.ID)
	},
	"a tool of many megabytes": func(w http.ResponseWriter, m parrotMessage) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"t","inputSchema":{"type":"object"},"description":"%s"}]}}`, m.ID, strings.Repeat("x", 80<<20))
	},
}

// TestAnAppWithABillionToolsHarmsItselfAlone: its list is given up, and the
// apps beside it are listed and called.
func TestAnAppWithABillionToolsHarmsItselfAlone(t *testing.T) {
	up := newChanging(t)
	apps := fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)
	n := 0
	for _, list := range tooMany {
		n++
		apps += fmt.Sprintf("  - {id: many-%d, url: %q, shared: true, refresh: 1s}\n", n, listing(t, list))
	}
	h := newHouse(t, "", apps).start()
	alice := h.token("alice", "write")
	for range 20 {
		if names := h.list(alice); len(names) != 1 || names[0] != "small__act" {
			t.Fatalf("got %d tools, %.300v; want those of the good app", len(names), names)
		}
		h.wantOK(h.call(alice, "small__act", act("one")))
	}
	if most := h.peakMemory(); most > 1<<30 {
		t.Errorf("the gateway took %d MiB", most>>20)
	}
}

// listing is a server that has nothing but a list.
func listing(t *testing.T, list func(http.ResponseWriter, parrotMessage)) (url string) {
	t.Helper()
	p := &parrot{era: legacy, manner: "json"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m parrotMessage
		if json.Unmarshal(body, &m) == nil && m.Method == "tools/list" {
			w.Header().Set("Content-Type", "application/json")
			list(w, m)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/mcp"
}
