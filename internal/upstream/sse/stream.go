package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	eventStream = "text/event-stream"
	// maxGarbage is how much garbage of one app is logged.
	maxGarbage = 1000
)

var errEnded = errors.New("the stream has ended")

// open asks for the stream and reads up to the event that names the endpoint:
// "the server MUST send an endpoint event containing a URI for the client to
// use for sending messages" (2024-11-05 basic/transports).
func (l *link) open() error {
	req, err := http.NewRequestWithContext(l.ctx, http.MethodGet, l.target.String(), nil)
	if err != nil {
		return err
	}
	l.setHeaders(req, eventStream)
	resp, err := l.http.RoundTrip(req) //nolint:bodyclose // closeStream does
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	l.stream = resp.Body
	if resp.StatusCode != http.StatusOK {
		return refused(resp)
	}
	if kind := resp.Header.Get("Content-Type"); mediaType(kind) != eventStream {
		return fmt.Errorf("answered 200 with %q, not %s", kind, eventStream)
	}
	l.events = wire.NewEventReader(resp.Body, int(l.spec.MaxResult))
	l.endpoint, err = l.awaitEndpoint()
	return err
}

func mediaType(value string) string {
	media, _, err := mime.ParseMediaType(value)
	if err != nil {
		return ""
	}
	return media
}

func (l *link) awaitEndpoint() (*url.URL, error) {
	for {
		event, err := l.events.Next()
		if err != nil {
			return nil, fmt.Errorf("wait for the endpoint: %w", err)
		}
		if event.Name == "endpoint" {
			return l.resolve(string(event.Data))
		}
		l.tools.Counts.Strays.Add(1)
	}
}

// resolve makes a URL of what the upstream named, and holds it to the origin
// of the stream.
func (l *link) resolve(said string) (*url.URL, error) {
	named, err := url.Parse(strings.TrimSpace(said))
	if err != nil {
		return nil, fmt.Errorf("the endpoint %s is no URL", upstream.Excerpt([]byte(said)))
	}
	to := l.target.ResolveReference(named)
	if origin(to) != origin(l.target) || to.User != nil {
		return nil, fmt.Errorf("the endpoint %s is not of the origin %s", upstream.Excerpt([]byte(said)), origin(l.target))
	}
	return to, nil
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// run reads the stream until it ends. Posts end after it: nobody is left to
// answer them.
func (l *link) run() {
	defer l.cancel()
	err := l.read()
	l.closeStream()
	l.mu.Lock()
	l.ended = err
	l.mu.Unlock()
	close(l.done)
}

func (l *link) read() error {
	for {
		event, err := l.events.Next()
		switch {
		case l.ctx.Err() != nil:
			return upstream.ErrClosed
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return fmt.Errorf("read the stream: %w", err)
		case event.Name == "" || event.Name == "message":
			l.take(event.Data)
		default:
			l.tools.Counts.Strays.Add(1)
		}
	}
}

// take hands a message to whom it is for.
func (l *link) take(data []byte) {
	m, err := wire.ParseReply(bytes.Clone(data))
	if err != nil {
		if l.tools.Counts.Garbage.Add(1) <= maxGarbage {
			l.tools.Logger.Warn("a stream has what is no message", "error", fmt.Errorf("%s: %w", upstream.Excerpt(data), err))
		}
		return
	}
	if m.Kind != wire.Response {
		l.receive(m)
		return
	}
	if !l.deliver(m) {
		l.tools.Counts.Strays.Add(1)
	}
}

func (l *link) closeStream() {
	if l.stream != nil {
		_ = l.stream.Close()
	}
}
