package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
)

// connection is one kept-alive connection of the driver. It speaks HTTP over
// the bare socket: a client that costs as much as what it measures would
// make everything look equally fast. Not for concurrent use.
type connection struct {
	socket    net.Conn
	reader    *bufio.Reader
	body      ends
	asking    request
	clock     ostiary.Clock
	sent      int64
	latencies []time.Duration
	firsts    []time.Duration // until the first byte of a body
	warmUps   int
	forget    func() bool
}

// A request is what a connection sends, again and again.
type request interface {
	next() []byte // the bytes of the next one, valid until it is called again
	answered(status int, body []byte) error
	String() string // names the one that was sent last
}

// connect dials the target. When ctx ends, reads and writes fail.
func connect(ctx context.Context, j job, host string, asking request, clock ostiary.Clock) (*connection, error) {
	socket, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connect to the target: %w", err)
	}
	return &connection{
		socket: socket,
		reader: bufio.NewReaderSize(socket, chunkSize),
		asking: asking,
		clock:  clock,

		warmUps: max(2, min(warmUp, warmUpBytes/max(1, j.Size))),
		forget:  context.AfterFunc(ctx, func() { socket.Close() }),
	}, nil
}

func (c *connection) close() {
	c.forget()
	c.socket.Close()
}

// warmUp fills caches and connection pools on the way.
func (c *connection) warmUp() error {
	for range c.warmUps {
		if err := c.do(); err != nil {
			return err
		}
	}
	c.firsts = c.firsts[:0]
	return nil
}

// measure makes calls until the end has come, at least one.
func (c *connection) measure(end time.Time) error {
	for range maxCalls {
		start := c.clock.Now()
		if err := c.do(); err != nil {
			return err
		}
		now := c.clock.Now()
		c.latencies = append(c.latencies, now.Sub(start))
		if !now.Before(end) {
			return nil
		}
	}
	return nil
}

// do makes one call and reads its whole answer.
func (c *connection) do() error {
	c.sent++
	start := c.clock.Now()
	if _, err := c.socket.Write(c.asking.next()); err != nil {
		return fmt.Errorf("send %s: %w", c.asking, err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("read the answer to %s: %w", c.asking, err)
	}
	defer resp.Body.Close()
	c.body.reset()
	body := bufio.NewReader(resp.Body)
	_, _ = body.Peek(1) // what is wrong is found below
	c.firsts = append(c.firsts, c.clock.Now().Sub(start))
	if _, err := body.WriteTo(&c.body); err != nil {
		return fmt.Errorf("read the answer to %s: %w", c.asking, err)
	}
	if err := c.asking.answered(resp.StatusCode, c.body.bytes()); err != nil {
		return fmt.Errorf("%s: %w", c.asking, err)
	}
	return nil
}
