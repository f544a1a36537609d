package streamable

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	dialTimeout        = 10 * time.Second
	maxResponseHeaders = 64 << 10
)

// A place is where an endpoint is.
type place struct {
	target  string      // of the request line
	host    string      // of the Host header
	address string      // to dial
	tls     *tls.Config // nil: none is spoken
}

// placeOf lets net/http say how a URL is written in a request.
func placeOf(u *url.URL) (place, error) {
	var wire bytes.Buffer
	req := &http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Header: http.Header{}}
	if err := req.Write(&wire); err != nil {
		return place{}, err
	}
	reader := textproto.NewReader(bufio.NewReader(&wire))
	line, err := reader.ReadLine()
	if err != nil {
		return place{}, err
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return place{}, err
	}
	p := place{host: header.Get("Host")}
	p.target = strings.TrimSuffix(strings.TrimPrefix(line, "POST "), " HTTP/1.1")
	host := &url.URL{Host: p.host}
	port := host.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	p.address = net.JoinHostPort(host.Hostname(), port)
	if u.Scheme == "https" {
		p.tls = &tls.Config{ServerName: host.Hostname(), NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	return p, nil
}

// A conn is one connection to the endpoint, for one request at a time.
type conn struct {
	net.Conn // TLS, where that is spoken
	below    *watchedConn
	raw      syscall.RawConn
	reader   *bufio.Reader
	// headLeft is how much may yet be read before the head of the answer has
	// to be whole; below zero it is whole.
	headLeft int
	since    time.Time // when it was last given back
	quiet    bool      // what hear found
	hear     func(fd uintptr) bool
}

// dial connects. ctx bounds the dialing, not the connection.
func (p *place) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	c := &conn{below: &watchedConn{Conn: socket}}
	c.Conn = c.below
	if err := c.prepare(ctx, p.tls, socket); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	c.reader = bufio.NewReader(headBound{c})
	return c, nil
}

func (c *conn) prepare(ctx context.Context, config *tls.Config, socket net.Conn) error {
	system, ok := socket.(syscall.Conn)
	if !ok {
		return errors.New("the connection is no socket")
	}
	var err error
	if c.raw, err = system.SyscallConn(); err != nil {
		return err
	}
	c.hear = c.listen
	if config == nil {
		return nil
	}
	secured := tls.Client(c.below, config)
	c.Conn = secured
	if err := secured.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return nil
}

// abort ends the connection under whoever uses it.
func (c *conn) abort() { _ = c.below.Close() }

var errHead = errors.New("the head of the answer is too large")

// A headBound reads from a connection, but no endless head.
type headBound struct{ c *conn }

func (r headBound) Read(p []byte) (int, error) {
	if r.c.headLeft < 0 {
		return r.c.Read(p)
	}
	if r.c.headLeft == 0 {
		return 0, errHead
	}
	n, err := r.c.Read(p[:min(len(p), r.c.headLeft)])
	r.c.headLeft -= n
	return n, err
}

// readHead reads up to the end of the head of the final answer. Interim ones
// are passed over (RFC 9110 section 15.2).
func (c *conn) readHead() (*http.Response, error) {
	c.headLeft = maxResponseHeaders
	for {
		resp, err := http.ReadResponse(c.reader, nil)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			c.headLeft = -1
			return resp, nil
		}
	}
}
