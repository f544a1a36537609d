package streamable

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// A watchedConn counts the bytes that are written to it. HTTP/1 gives a
// connection to one request at a time, so that the count tells whether any
// byte of that request has left.
type watchedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// A proof remembers the connections that one request was given, and how much
// had been written to each before.
type proof struct {
	mu    sync.Mutex
	given []given
}

type given struct {
	conn   *watchedConn // nil: not one of ours, nothing can be proven
	before int64
}

func (p *proof) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: p.gotConn})
}

func (p *proof) gotConn(info httptrace.GotConnInfo) {
	conn := info.Conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	g := given{}
	if watched, ok := conn.(*watchedConn); ok {
		g = given{conn: watched, before: watched.written.Load()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = append(p.given, g)
}

// unsent reports whether it is proven that nothing was written. It may be
// asked once RoundTrip has returned an error: the transport closes the
// connection and waits for its writer before it returns one.
func (p *proof) unsent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.given {
		if g.conn == nil || g.conn.written.Load() != g.before {
			return false
		}
	}
	return true
}
