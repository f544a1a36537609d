package mcp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
)

// These need a real connection: what a client does to it is what is tested.

func TestAClientThatDropsItsConnectionEndsItsCall(t *testing.T) {
	h := newHouse(t)
	arrived, ended := make(chan struct{}), make(chan struct{})
	h.upstreams.answers(func(c ctx, _ sent, _ func([]byte)) (upstream.Reply, error) {
		close(arrived)
		<-c.Done()
		defer close(ended)
		return upstream.Reply{}, c.Err()
	})
	server := httptest.NewServer(h.mux)
	defer server.Close()
	leaving, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := call("alice", "crm__get_contact", `{}`).request(leaving)
		out, err := http.NewRequestWithContext(leaving, http.MethodPost, server.URL+"/mcp", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header
		if answer, err := server.Client().Do(out); err == nil {
			answer.Body.Close()
			t.Errorf("got an answer %d; want the client gone", answer.StatusCode)
		}
	}()
	<-arrived
	leave()
	<-ended
	<-done
	server.Close()
	if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
		t.Errorf("got outcomes %v; want unknown", got)
	}
}

func TestABodyThatEndsEarlyOrIsTooLongRunsNothing(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.mux)
	defer server.Close()
	head := "POST /mcp HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer alice\r\n"
	for name, c := range map[string]struct{ rest, want string }{
		"a body without length":           {"Transfer-Encoding: chunked\r\n\r\n3\r\n{}x\r\n0\r\n\r\n", " 400 "},
		"a body without length, too long": {"Transfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat(" ", 0x2000) + "\r\n0\r\n\r\n", " 413 "},
		"a length beyond the limit":       {"Content-Length: 999999999\r\n\r\n{", " 413 "},
		"a broken chunk":                  {"Transfer-Encoding: chunked\r\n\r\nzz\r\n", " 400 "},
	} {
		status := talk(t, server.Listener.Addr().String(), head+c.rest)
		if !strings.Contains(status, c.want) {
			t.Errorf("%s: got %s; want%s", name, status, c.want)
		}
	}
	if calls := h.upstreams.got(); len(calls) != 0 {
		t.Errorf("got %d calls; want none", len(calls))
	}
}

// talk writes raw bytes and returns the status line of the answer.
func talk(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A server that has seen enough hangs up before it has read all.
	_, _ = io.WriteString(conn, text)
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("read the status: %v", err)
	}
	return strings.TrimSpace(status)
}
