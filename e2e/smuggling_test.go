package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A rawRequest is written to the socket as it stands. `smuggled` in it is
// what must not reach the upstream, `one` what may.
type rawRequest struct {
	text   func(r goodRequest) string
	status []int // that may come; 0 is a connection that ends without any
	// ends says that no more is coming, which the gateway would wait for.
	ends bool
	// answers are how many come; zero is one.
	answers int
}

// wait is how many answers to wait for before no more is said to come.
func (r rawRequest) wait() int {
	if r.ends {
		return 0
	}
	return max(1, r.answers)
}

// A goodRequest is a call that goes through, to be spoiled.
type goodRequest struct{ line, host, auth, fixed, named, body string }

// spell writes the request with these header lines instead of the one that
// tells the length.
func (r goodRequest) spell(length string) string {
	return r.line + r.host + r.auth + r.fixed + r.named + length + "\r\n" + r.body
}

func (r goodRequest) length() string { return fmt.Sprintf("Content-Length: %d\r\n", len(r.body)) }

// chunked is the body in chunks.
func (r goodRequest) chunked() string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
}

// as is the request with another text in its arguments.
func (r goodRequest) as(what string) goodRequest {
	r.body = strings.NewReplacer(`"one"`, `"`+what+`"`, `"smuggled"`, `"`+what+`"`).Replace(r.body)
	return r
}

// nobodys is the request without its token.
func (r goodRequest) nobodys() goodRequest {
	r.auth = ""
	return r
}

var chunkedLine = "Transfer-Encoding: chunked\r\n"

// smuggling are requests in which two readers could see different things.
var smuggling = map[string]rawRequest{
	"two lengths": {text: func(r goodRequest) string {
		return r.spell(r.length() + "Content-Length: 3\r\n")
	}, status: []int{400}},
	"two lengths in one line":          {text: func(r goodRequest) string { return r.spell("Content-Length: 3, 4\r\n") }, status: []int{400}},
	"a length with a sign":             {text: func(r goodRequest) string { return r.spell("Content-Length: +300\r\n") }, status: []int{400}},
	"a negative length":                {text: func(r goodRequest) string { return r.spell("Content-Length: -1\r\n") }, status: []int{400}},
	"a hexadecimal length":             {text: func(r goodRequest) string { return r.spell("Content-Length: 0x200\r\n") }, status: []int{400}},
	"a length beyond all numbers":      {text: func(r goodRequest) string { return r.spell("Content-Length: 99999999999999999999\r\n") }, status: []int{400}},
	"a length that leaves the end out": {text: func(r goodRequest) string { return r.spell("Content-Length: 40\r\n") + "\r\n\r\n" }, status: []int{400}, answers: 2},
	"no length at all":                 {text: func(r goodRequest) string { return r.spell("") + "\r\n\r\n" }, status: []int{400}, answers: 2},
	"chunks that hide another request": {text: func(r goodRequest) string {
		// One reader takes the length and sees one body; the other takes the
		// chunks, and then a second request. That one comes without a token.
		inner := r.nobodys()
		r.body = "0\r\n\r\n" + inner.spell(inner.length())
		return r.spell(r.length() + chunkedLine)
	}, status: []int{400}, answers: 2},
	"another request behind the body": {text: func(r goodRequest) string {
		inner := r.nobodys()
		r = r.as("one")
		return r.spell(r.length()) + inner.spell(inner.length())
	}, status: []int{200}, answers: 2},
	"an unknown transfer encoding": {text: func(r goodRequest) string {
		return r.spell(r.length() + "Transfer-Encoding: xchunked\r\n")
	}, status: []int{400, 501}},
	"two transfer encodings": {text: func(r goodRequest) string {
		return r.spell(chunkedLine + "Transfer-Encoding: identity\r\n")
	}, status: []int{400, 501}},
	"a transfer encoding in the dark": {text: func(r goodRequest) string {
		return r.spell(r.length() + "Transfer-Encoding : chunked\r\n")
	}, status: []int{400}},
	"a chunk of a negative size": {text: func(r goodRequest) string {
		r.body = "-1\r\n" + r.body + "\r\n0\r\n\r\n"
		return r.spell(chunkedLine)
	}, status: []int{400}},
	"a chunk of an endless size": {text: func(r goodRequest) string {
		r.body = "ffffffffffffffffff\r\n" + r.body
		return r.spell(chunkedLine)
	}, status: []int{400}},
	"a chunk that ends early": {text: func(r goodRequest) string {
		r.body = fmt.Sprintf("%x\r\n%s", len(r.body)+100, r.body)
		return r.spell(chunkedLine)
	}, status: []int{400}, ends: true},
	"chunks whose trailer names another tool": {text: func(r goodRequest) string {
		r.body = strings.TrimSuffix(r.chunked(), "\r\n") + "Mcp-Name: small__act\r\n\r\n"
		r.named = "Mcp-Name: small__other\r\n"
		return r.spell(chunkedLine + "Trailer: Mcp-Name\r\n")
	}, status: []int{400}},
	"a name folded over two lines": {text: func(r goodRequest) string {
		r.named = "Mcp-Name: small__act\r\n small__other\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"a name with a bare carriage return": {text: func(r goodRequest) string {
		r.named = "Mcp-Name: small__act\rX: y\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"a name with a NUL": {text: func(r goodRequest) string {
		r.named = "Mcp-Name: small__act\x00\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"a name with a space before its colon": {text: func(r goodRequest) string {
		r.named += "Mcp-Name : small__other\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"a name twice, in another case": {text: func(r goodRequest) string {
		r.named += "mcp-NAME: small__act\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"a token twice": {text: func(r goodRequest) string {
		r.auth += r.auth
		return r.spell(r.length())
	}, status: []int{401}},
	"two hosts": {text: func(r goodRequest) string {
		r.host += "Host: evil.example\r\n"
		return r.spell(r.length())
	}, status: []int{400}},
	"no host": {text: func(r goodRequest) string { r.host = ""; return r.spell(r.length()) }, status: []int{400}},
	"a foreign host in the line": {text: func(r goodRequest) string {
		r.line = "POST http://evil.example/mcp HTTP/1.1\r\n"
		return r.spell(r.length())
	}, status: []int{421}},
	"another method behind a header": {text: func(r goodRequest) string {
		r.line = "GET /mcp HTTP/1.1\r\nX-HTTP-Method-Override: POST\r\n"
		return r.spell(r.length())
	}, status: []int{400, 404, 405, 406}},
	"another path behind dots": {text: func(r goodRequest) string {
		r.line = "POST /x/../mcp HTTP/1.1\r\n"
		return r.spell(r.length())
	}, status: []int{301, 307, 308, 404}},
	"another path behind escapes": {text: func(r goodRequest) string {
		r.line = "POST /%6dcp/ HTTP/1.1\r\n"
		return r.spell(r.length())
	}, status: []int{301, 307, 308, 404}},
	"an app that is not served alone": {text: func(r goodRequest) string {
		r.line = "POST /small/mcp HTTP/1.1\r\n"
		return r.spell(r.length())
	}, status: []int{404}},
	"a header of a megabyte": {text: func(r goodRequest) string {
		return r.spell("X: " + strings.Repeat("x", 1<<20) + "\r\n" + r.length())
	}, status: []int{0, 431}},
	"another protocol": {text: func(goodRequest) string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }, status: []int{0, 400, 404, 421, 505}, ends: true},
	"nonsense":         {text: func(goodRequest) string { return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" }, status: []int{0, 400}, ends: true},
}

// unusual are requests that look like smuggling and are right.
var unusual = map[string]func(r goodRequest) string{
	"plain":  func(r goodRequest) string { return r.spell(r.length()) },
	"chunks": func(r goodRequest) string { r.body = r.chunked(); return r.spell(chunkedLine) },
	"chunks with extensions": func(r goodRequest) string {
		r.body = strings.Replace(r.chunked(), "\r\n", ";x=y\r\n", 1)
		return r.spell(chunkedLine)
	},
	"names in another case": func(r goodRequest) string {
		r.fixed, r.named = strings.ToLower(r.fixed), strings.ToUpper(r.named[:8])+r.named[8:]
		return r.spell(r.length())
	},
	"the tool's name encoded": func(r goodRequest) string {
		r.named = "Mcp-Name: =?base64?c21hbGxfX2FjdA==?=\r\n"
		return r.spell(r.length())
	},
	"a token folded over two lines": func(r goodRequest) string {
		r.auth = strings.Replace(r.auth, "Bearer ", "Bearer\r\n ", 1)
		return r.spell(r.length())
	},
}

// encodings are values of Mcp-Name that only look like the tool's.
var encodings = map[string]string{
	"another tool":            "=?base64?c21hbGxfX290aGVy?=",
	"another case":            "=?BASE64?c21hbGxfX2FjdA==?=",
	"no padding":              "=?base64?c21hbGxfX2FjdA?=",
	"bits that mean nothing":  "=?base64?c21hbGxfX2FjdB==?=",
	"space inside":            "=?base64?c21h bGxfX2FjdA==?=",
	"twice encoded":           "=?base64?PT9iYXNlNjQ/YzIxaGJHeGZYMkZqZEE9PT89?=",
	"a NUL at the end":        "=?base64?c21hbGxfX2FjdAA=?=",
	"a wide letter":           "=?base64?772TbWFsbF9fYWN0?=",
	"nothing":                 "=?base64??=",
	"another character set":   "=?utf-8?B?c21hbGxfX2FjdA==?=",
	"the tool and another":    "small__act, small__other",
	"quotes":                  `"small__act"`,
	"the canonical id":        "small:act",
	"a percent sign":          "small__%61ct",
	"raw bytes beyond ASCII":  "small__act\u00a0",
	"the text of a parameter": "small__act; q=1",
}

// TestWhatTwoReadersCouldReadDifferentlyCallsNothing sends to the socket what
// a proxy in front might read otherwise than we do.
func TestWhatTwoReadersCouldReadDifferentlyCallsNothing(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)).start()
	good := h.goodRequest(h.token("alice", "write"))
	attacks := map[string]rawRequest{}
	for what, name := range encodings {
		attacks["a name with "+what] = rawRequest{text: func(r goodRequest) string {
			r.named = "Mcp-Name: " + name + "\r\n"
			return r.spell(r.length())
		}, status: []int{400}}
	}
	for what, raw := range smuggling {
		attacks[what] = raw
	}
	for what, raw := range attacks {
		t.Run(what, func(t *testing.T) { h.wantNothingSmuggled(t, raw, good) })
	}
	if up.smuggled.Load() != 0 {
		t.Errorf("%d smuggled calls reached the upstream", up.smuggled.Load())
	}
	before := up.calls.Load()
	for what, text := range unusual {
		t.Run("right, "+what, func(t *testing.T) {
			if answers := h.rawly(t, text(good), 1); len(answers) != 1 || answers[0].status != http.StatusOK || !strings.Contains(answers[0].text, "did one") {
				t.Errorf("got %v; want the call to go through", answers)
			}
		})
	}
	if answers := h.rawly(t, good.spell(good.length())+good.spell(good.length()), 2); len(answers) != 2 || answers[1].status != http.StatusOK {
		t.Errorf("two requests in a row: got %v; want both to go through", answers)
	}
	up.wantCalls(t, before+int64(len(unusual))+2)
}

func (h *house) wantNothingSmuggled(t *testing.T, raw rawRequest, good goodRequest) {
	t.Helper()
	answers := h.rawly(t, raw.text(good.as("smuggled")), raw.wait())
	if len(answers) > raw.wait() && !raw.ends || len(answers) < raw.answers {
		t.Errorf("got %d answers, %v; want %d", len(answers), answers, raw.wait())
	}
	first := 0
	if len(answers) > 0 {
		first = answers[0].status
	}
	right := false
	for _, status := range raw.status {
		right = right || status == first
	}
	if !right {
		t.Errorf("got %v; want first one of %v", answers, raw.status)
	}
	for _, a := range answers {
		if strings.Contains(a.text, "smuggled") && a.status == http.StatusOK {
			t.Errorf("a smuggled call was answered: %v", a)
		}
	}
}

func (h *house) goodRequest(tok token) goodRequest {
	body, header := stateless("tools/call", "small__act", `"name":"small__act","arguments":{"what":"one"}`)
	r := goodRequest{
		line: "POST /mcp HTTP/1.1\r\n", host: "Host: " + strings.TrimPrefix(h.url, "http://") + "\r\n",
		auth: "Authorization: Bearer " + tok.Token + "\r\n", named: "Mcp-Name: small__act\r\n", body: body,
	}
	for _, name := range []string{"Content-Type", "Accept", "Mcp-Protocol-Version", "Mcp-Method"} {
		r.fixed += name + ": " + header.Get(name) + "\r\n"
	}
	return r
}

// A rawAnswer is one response as it came.
type rawAnswer struct {
	status int
	text   string
}

// rawly writes bytes to the gateway and reads all responses. After so many of
// them it says that there are no more requests: one that has not been
// answered by then counts as given up.
func (h *house) rawly(t *testing.T, text string, most int) []rawAnswer {
	t.Helper()
	conn := h.dial(t).(*net.TCPConn)
	_, _ = io.WriteString(conn, text) // it may have been turned away meanwhile
	if most == 0 {
		_ = conn.CloseWrite()
	}
	var answers []rawAnswer
	for in := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return answers
		}
		status, body, err := readAll(resp)
		if err != nil {
			return answers
		}
		answers = append(answers, rawAnswer{status, cut(body)})
		if len(answers) == most {
			_ = conn.CloseWrite()
		}
	}
}
