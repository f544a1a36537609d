package mcp_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
)

// One connection is all that this listener accepts.
type oneConn struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l oneConn) Close() error   { close(l.closed); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// onSocket sends a request to the house over a connection in memory, which holds
// nothing: what the client does not read, the house can't write.
func (h *house) onSocket(t *testing.T, n note) *bufio.Reader {
	t.Helper()
	near := h.dial(t)
	if err := n.request(t.Context()).Write(near); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(near)
}

// dial connects to the house in the same way.
func (h *house) dial(t *testing.T) net.Conn {
	t.Helper()
	l := oneConn{make(chan net.Conn, 1), make(chan struct{})}
	s := &http.Server{Handler: h.mux}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	near, far := net.Pipe()
	l.conn <- far
	t.Cleanup(func() { _ = near.Close() })
	return near
}

// A counted reader tells how much was read of it.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// A client may read slowly, and the upstream waits for it; one that does not
// read at all is given up, whatever its era.
func TestASlowClientGetsALargeResultAndOneThatReadsNothingDoesNot(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		session bool
		pause   time.Duration // before each piece of 64 KiB
		want    audit.Status
		whole   bool
	}{
		"slow":                   {false, 20 * time.Second, audit.StatusOK, true},
		"slow, in a session":     {true, 20 * time.Second, audit.StatusOK, true},
		"too slow":               {false, 40 * time.Second, audit.StatusUnknown, false},
		"too slow, in a session": {true, 40 * time.Second, audit.StatusOK, false},
	} {
		t.Run(name, func(t *testing.T) {
			held(t, func(t *testing.T, h *house) {
				rest := &counted{Reader: strings.NewReader(strings.Repeat("x", size) + largeEnd)}
				h.upstreams.answers(h.passesOn(t, rest))
				n := call("alice", "crm__get_contact", `{}`)
				if c.session {
					n = h.begin(t, "alice", "2025-11-25", `{}`).with(getContact)
				}
				resp, err := http.ReadResponse(h.onSocket(t, n), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := readSlowly(resp.Body, c.pause)
				synctest.Wait()
				if c.whole != (err == nil && json.Valid(body)) || len(body) > size && !c.whole {
					t.Errorf("got %d bytes, %v; want all: %v", len(body), err, c.whole)
				}
				if got := h.book.outcomes(); len(got) != 1 || got[0] != c.want {
					t.Errorf("got outcomes %v; want %s", got, c.want)
				}
				if read := rest.n.Load(); !c.whole && !c.session && read > size/2 {
					t.Errorf("%d bytes were read of the upstream for nobody", read)
				}
			})
		})
	}
}

// passesOn answers with a large result whose rest is to be read.
func (h *house) passesOn(t *testing.T, rest io.Reader) func(ctx, sent, func([]byte)) (upstream.Reply, error) {
	return func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		h.upstreams.mu.Lock()
		passer := h.upstreams.passer
		h.upstreams.mu.Unlock()
		_, err := passer.Pass(passageOf(t, rest), "2025-11-25")
		return upstream.Reply{Era: "2025-11-25"}, err
	}
}

// readSlowly pauses before each piece.
func readSlowly(in io.Reader, pause time.Duration) ([]byte, error) {
	var all []byte
	piece := make([]byte, 64<<10)
	for {
		time.Sleep(pause)
		n, err := io.ReadFull(in, piece)
		all = append(all, piece[:n]...)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return all, nil
		case errors.Is(err, io.ErrUnexpectedEOF): // of the piece, or of the body
			_, err := in.Read(piece)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, err
		default:
			return all, err
		}
	}
}
