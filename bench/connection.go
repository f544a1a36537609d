package main

import (
	"bufio"
	"bytes"
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
	body      bytes.Buffer
	call      *call
	clock     ostiary.Clock
	sent      int64
	latencies []time.Duration
	forget    func() bool
}

// connect dials the target. When ctx ends, reads and writes fail.
func connect(ctx context.Context, host string, call *call, clock ostiary.Clock) (*connection, error) {
	socket, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connect to the target: %w", err)
	}
	return &connection{
		socket: socket,
		reader: bufio.NewReaderSize(socket, chunkSize),
		call:   call,
		clock:  clock,
		forget: context.AfterFunc(ctx, func() { socket.Close() }),
	}, nil
}

func (c *connection) close() {
	c.forget()
	c.socket.Close()
}

// warmUp fills caches and connection pools on the way.
func (c *connection) warmUp() error {
	for range warmUp {
		if err := c.do(); err != nil {
			return err
		}
	}
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
	if _, err := c.socket.Write(c.call.next()); err != nil {
		return fmt.Errorf("send call %d: %w", c.call.id, err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("read the answer to call %d: %w", c.call.id, err)
	}
	defer resp.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(resp.Body); err != nil {
		return fmt.Errorf("read the answer to call %d: %w", c.call.id, err)
	}
	if err := c.call.answered(resp.StatusCode, c.body.Bytes()); err != nil {
		return fmt.Errorf("call %d: %w", c.call.id, err)
	}
	return nil
}
