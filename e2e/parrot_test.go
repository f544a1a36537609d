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
)

// A parrot is an upstream of one era that answers each call with the bytes
// that were laid down for it, and keeps the bytes that it gets.
type parrot struct {
	era    string
	manner string // of answering: json, sse or stdio
	app    string // how a gateway reaches it
	tools  []string

	mu      sync.Mutex
	sayings map[int]*saying
	calls   int
}

// A saying is the answer to one call.
type saying struct {
	result, fault string // JSON, one of them
	progress      string // members of a notification that comes before; "" is none
	got           parrotParams
	times         int
}

type parrotParams = map[string]json.RawMessage

func newParrot(t *testing.T, era, manner string) *parrot {
	t.Helper()
	p := &parrot{era: era, manner: manner, sayings: map[int]*saying{}}
	if manner == "stdio" {
		p.app = p.listen(t)
		return p
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.app = fmt.Sprintf("url: %q", s.URL+"/mcp")
	return p
}

// lay lays down the answer to call n.
func (p *parrot) lay(n int, s *saying) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sayings[n] = s
}

// heard takes call n and returns what to say.
func (p *parrot) heard(n int, params parrotParams) saying {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	s := p.sayings[n]
	if s == nil {
		return saying{fault: `{"code":-32602,"message":"no such call"}`}
	}
	s.got = params
	s.times++
	return *s
}

type parrotMessage struct {
	ID     json.RawMessage
	Method string
	Params parrotParams
}

// answer returns the messages that answer one; none for a notification.
func (p *parrot) answer(m parrotMessage) []string {
	if m.ID == nil {
		return nil
	}
	if m.Method == "tools/call" {
		return p.say(m)
	}
	caching := ""
	if p.era == modern {
		caching = `"resultType":"complete","ttlMs":0,"cacheScope":"private",`
	}
	result := map[string]string{
		"initialize":      `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"parrot","version":"1"}}`,
		"server/discover": `{` + caching + `"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`,
		"tools/list":      `{` + caching + `"tools":[` + strings.Join(p.tools, ",") + `]}`,
		"ping":            `{}`,
	}[m.Method]
	if result == "" || m.Method == "server/discover" && p.era != modern || m.Method == "initialize" && p.era == modern {
		return []string{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}`, m.ID)}
	}
	return []string{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)}
}

// say answers a call, with the members of the envelope in another order each
// time.
func (p *parrot) say(m parrotMessage) []string {
	var arguments struct{ N int }
	if err := json.Unmarshal(m.Params["arguments"], &arguments); err != nil {
		return []string{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":%q}}`, m.ID, err)}
	}
	s := p.heard(arguments.N, m.Params)
	said := `"result":` + s.result
	if s.fault != "" {
		said = `"error":` + s.fault
	}
	envelope := []string{
		fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, m.ID, said),
		fmt.Sprintf(`{%s,"id": %s,"jsonrpc":"2.0"}`, said, m.ID),
		fmt.Sprintf(`{"id":%s,%s ,"x":[{}],"jsonrpc":"2.0"}`, m.ID, said),
	}[arguments.N%3]
	var meta struct{ ProgressToken json.RawMessage }
	if _ = json.Unmarshal(m.Params["_meta"], &meta); s.progress != "" && meta.ProgressToken != nil {
		note := fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,%s}}`, meta.ProgressToken, s.progress)
		return []string{note, envelope}
	}
	return []string{envelope}
}

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m parrotMessage
	if r.Method != http.MethodPost {
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	messages := p.answer(m)
	switch {
	case messages == nil:
		w.WriteHeader(http.StatusAccepted)
	case p.manner == "sse" || len(messages) > 1:
		w.Header().Set("Content-Type", "text/event-stream")
		for i, message := range messages {
			_, _ = io.WriteString(w, asEvent(i, message))
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, messages[0])
	}
}

// asEvent writes an event in one of the manners that are allowed.
func asEvent(i int, message string) string {
	if i%2 == 1 {
		return ": a comment\nid: 7\nevent: message\ndata: " + strings.ReplaceAll(message, "\n", "\ndata: ") + "\n\n"
	}
	return "data:" + strings.ReplaceAll(message, "\n", "\r\ndata: ") + "\r\nretry: 10\r\n\r\n"
}

// listen serves children of a gateway that speak over standard input and
// output: each is a shell that hands both on to us.
func (p *parrot) listen(t *testing.T) (app string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.converse(conn)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	script := fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%s; cat <&3 & cat >&3; kill $!", port)
	return fmt.Sprintf("command: [bash, -c, %q], shared: true", script)
}

// converse answers messages, one a line, until the child is gone.
func (p *parrot) converse(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m parrotMessage
		if json.Unmarshal(bytes.TrimSpace(line), &m) != nil {
			return
		}
		for _, message := range p.answer(m) {
			if _, err := io.WriteString(conn, message+"\n"); err != nil {
				return
			}
		}
	}
}
