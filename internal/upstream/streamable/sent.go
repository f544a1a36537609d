package streamable

import (
	"net"
	"sync/atomic"
)

// A watchedConn counts the bytes that are written to it, below TLS where that
// is spoken. A connection belongs to one request at a time, so that the count
// tells whether any byte of that request has left.
type watchedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}
