package streamable

import (
	"sync"
	"time"

	"github.com/ostiary/ostiary"
)

const (
	// idleConnections are kept, so that many callers at once don't connect
	// anew for each call.
	idleConnections = 1024
	// idleTimeout is shorter than servers usually wait, because a request
	// that meets the end of its connection may or may not have run.
	idleTimeout = 30 * time.Second
)

// An idle keeps connections that nobody uses. It is safe for concurrent use.
type idle struct {
	clock ostiary.Clock

	mu       sync.Mutex
	conns    []*conn // in the order in which they were given back
	sweeping *time.Timer
	closed   bool
}

// take returns the connection that was used last, if it is good; nil: there
// is none.
func (i *idle) take() *conn {
	for {
		c := i.last()
		if c == nil {
			return nil
		}
		if unused := i.clock.Now().Sub(c.since); unused < idleTimeout && c.isQuiet(unused) {
			return c
		}
		_ = c.Close()
	}
}

func (i *idle) last() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.conns) - 1
	if n < 0 {
		return nil
	}
	c := i.conns[n]
	i.conns[n] = nil
	i.conns = i.conns[:n]
	return c
}

// keep takes a connection whose request is over.
func (i *idle) keep(c *conn) {
	c.since = i.clock.Now()
	if !i.add(c) {
		_ = c.Close()
	}
}

func (i *idle) add(c *conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.conns) >= idleConnections {
		return false
	}
	i.conns = append(i.conns, c)
	if i.sweeping == nil {
		i.sweeping = time.AfterFunc(idleTimeout, i.sweep)
	}
	return true
}

// sweep closes what was not used for long.
func (i *idle) sweep() {
	for _, c := range i.old(i.clock.Now()) {
		_ = c.Close()
	}
}

func (i *idle) old(now time.Time) []*conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for n < len(i.conns) && now.Sub(i.conns[n].since) >= idleTimeout {
		n++
	}
	old := append([]*conn(nil), i.conns[:n]...)
	i.conns = append(i.conns[:0], i.conns[n:]...)
	i.sweeping = nil
	if len(i.conns) > 0 && !i.closed {
		i.sweeping = time.AfterFunc(idleTimeout, i.sweep)
	}
	return old
}

// close keeps nothing any more.
func (i *idle) close() {
	i.mu.Lock()
	conns := i.conns
	i.conns, i.closed = nil, true
	if i.sweeping != nil {
		i.sweeping.Stop()
	}
	i.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}
