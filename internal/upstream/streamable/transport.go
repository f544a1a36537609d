package streamable

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

type transport struct {
	place     place
	headers   map[string]string // of every request, from the configuration
	timeout   time.Duration
	maxResult int64
	tools     upstream.Tools
	idle      idle
}

// Open is the upstream.Opener of this transport.
func Open(spec upstream.Spec, tools upstream.Tools) (upstream.Transport, error) {
	target, err := url.Parse(spec.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if target.Scheme != "http" && target.Scheme != "https" || target.Host == "" {
		return nil, fmt.Errorf("url %q: want http or https and a host", spec.URL)
	}
	t := &transport{
		headers:   make(map[string]string, len(spec.Headers)),
		timeout:   spec.Timeout,
		maxResult: spec.MaxResult,
		tools:     tools,
		idle:      idle{clock: tools.Clock},
	}
	if t.place, err = placeOf(target); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	for name, value := range spec.Headers {
		t.headers[http.CanonicalHeaderKey(name)] = value
	}
	return t, nil
}

// Dial makes a link. Nothing is sent before its first message.
func (t *transport) Dial(context.Context, upstream.Receiver) (upstream.Link, error) {
	l := &link{transport: t, done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Costly is false: a link is a few headers.
func (t *transport) Costly() bool { return false }

func (t *transport) Close() error {
	t.idle.close()
	return nil
}
