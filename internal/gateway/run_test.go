package gateway

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A pipes listener accepts connections in memory, which a bubble's clock
// moves past.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial is a connection to a server as the gateway has them, with a handler
// that reads the whole body.
func dial(t *testing.T) net.Conn {
	t.Helper()
	g := &Gateway{Core: &Core{Logger: slog.New(slog.DiscardHandler)}}
	s := g.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(w, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	p := pipes{make(chan net.Conn), make(chan struct{})}
	go func() { _ = s.Serve(p) }()
	t.Cleanup(func() { _ = s.Close() })
	near, far := net.Pipe()
	p.conns <- far
	return near
}

const begun = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"

func TestAClientThatNeverComesToAnEndIsGivenUp(t *testing.T) {
	for what, c := range map[string]struct {
		begin, drip string
		within      time.Duration
	}{
		"nothing":         {"", "", 10 * time.Second},
		"half a header":   {begun, "", 10 * time.Second},
		"endless headers": {begun, "X: y\r\n", 10 * time.Second},
		"half a body":     {begun + "\r\n", "", time.Minute},
		"a body in drops": {begun + "\r\n", " ", time.Minute},
		"nothing more":    {begun[:len(begun)-len("100000\r\n")] + "0\r\n\r\n", "", 2 * time.Minute},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, began := dial(t), time.Now()
				over := make(chan struct{})
				go func() { defer close(over); _, _ = io.Copy(io.Discard, conn) }()
				_, _ = io.WriteString(conn, c.begin)
				for c.drip != "" {
					if _, err := io.WriteString(conn, c.drip); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				<-over
				if took := time.Since(began); took < c.within || took > c.within+2*time.Second {
					t.Errorf("given up after %v; want %v", took, c.within)
				}
			})
		})
	}
}

func TestAClientThatIsOnlySlowIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t)
		for piece := range strings.SplitSeq("POST /mcp |HTTP/1.1\r\n|Host: x\r\nContent-Length: 3\r\n|\r\n|a|b|c", "|") {
			if _, err := io.WriteString(conn, piece); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); string(body) != "abc" || err != nil {
			t.Errorf("got %q, %v; want what was sent", body, err)
		}
		_ = conn.Close()
	})
}
