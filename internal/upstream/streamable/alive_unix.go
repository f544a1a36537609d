//go:build unix

package streamable

import (
	"syscall"
	"time"
)

// isQuiet says whether nothing has come over a connection that nobody uses.
// Whatever comes then is its end, or belongs to nobody.
func (c *conn) isQuiet(time.Duration) bool {
	c.quiet = false
	return c.raw.Read(c.hear) == nil && c.quiet
}

// listen reads without waiting: sockets are in non-blocking mode.
func (c *conn) listen(fd uintptr) bool {
	var one [1]byte
	_, err := syscall.Read(int(fd), one[:])
	c.quiet = err == syscall.EAGAIN
	return true
}
