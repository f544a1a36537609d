package sse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

// maxRefusal is read of the body of an answer to a post.
const maxRefusal = 64 << 10

// A post is a request on its way to the endpoint.
type post struct {
	posted chan error // gets one value when it has ended; nil: that was read
	ctx    context.Context
	cancel context.CancelFunc
}

// begin posts a request beside the wait for its answer.
func (l *link) begin(m *upstream.Message) *post {
	p := &post{posted: make(chan error, 1)}
	p.ctx, p.cancel = context.WithCancel(l.ctx)
	own := *m
	own.Body = bytes.Clone(m.Body) // it is lent, and http.Transport may read on
	if !l.beside.Go(func() { p.posted <- l.send(p.ctx, &own) }) {
		p.posted <- upstream.Unsent(upstream.ErrClosed)
	}
	return p
}

// leave lets a post end by itself that is still under way, for a while: that
// keeps its connection.
func (p *post) leave() {
	if p.posted == nil || p.ctx.Err() != nil {
		p.cancel()
		return
	}
	time.AfterFunc(farewell, p.cancel)
}

// proven ends the post, and marks err if nothing of it was sent.
func (p *post) proven(err error) error {
	p.cancel()
	if p.posted == nil {
		return err
	}
	if failed := <-p.posted; upstream.NotSent(failed) {
		err = upstream.Unsent(err)
	}
	p.posted = nil
	return err
}

// Post sends what gets no answer.
func (l *link) Post(ctx context.Context, m *upstream.Message) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	return l.send(ctx, m)
}

// send makes one POST. It is proven that nothing was sent where there was no
// connection to send it over; http.Transport repeats nothing but what it has
// not begun to write.
func (l *link) send(ctx context.Context, m *upstream.Message) error {
	if l.ctx.Err() != nil {
		return upstream.Unsent(upstream.ErrClosed)
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.endpoint.String(), bytes.NewReader(m.Body))
	if err != nil {
		return upstream.Unsent(err)
	}
	l.setHeaders(req, "application/json")
	req.Header.Set("Content-Type", "application/json")
	for _, h := range m.Header {
		req.Header.Set(h.Name, h.Value.Reveal())
	}
	resp, err := l.http.RoundTrip(req)
	if err != nil && !connected.Load() {
		return upstream.Unsent(fmt.Errorf("post: %w", err))
	}
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return refused(resp)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxRefusal) // the answer comes over the stream
	return nil
}

// setHeaders writes what all requests say. What the gateway says itself wins
// over configured headers.
func (l *link) setHeaders(req *http.Request, accept string) {
	for name, value := range l.spec.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "ostiary")
	req.Header.Set("Accept", accept)
}

// refused says in an error what a response without success was. A session
// that the upstream doesn't know has executed nothing.
func refused(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		body = nil // the status says enough
	}
	e := &upstream.Error{Status: resp.StatusCode, Err: describe(resp, body)}
	if lost(resp, body) {
		e.Err = fmt.Errorf("%w: %w", upstream.ErrSessionGone, e.Err)
	}
	return e
}

func lost(resp *http.Response, body []byte) bool {
	if resp.Request.Method != http.MethodPost {
		return false
	}
	return resp.StatusCode == http.StatusNotFound ||
		resp.StatusCode == http.StatusBadRequest && strings.Contains(strings.ToLower(string(body)), "session")
}

// describe puts a response into words.
func describe(resp *http.Response, body []byte) error {
	switch {
	case resp.StatusCode < http.StatusMultipleChoices:
		return fmt.Errorf("answered %s, and no stream", resp.Status)
	case resp.StatusCode < http.StatusBadRequest:
		return fmt.Errorf("answered %s: redirects are not followed", resp.Status)
	case len(body) == 0:
		return errors.New("answered " + resp.Status)
	default:
		return fmt.Errorf("answered %s: %s", resp.Status, upstream.Excerpt(body))
	}
}
