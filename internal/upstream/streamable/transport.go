package streamable

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

const (
	// idleConnections are kept a host, so that many callers at once don't
	// connect anew for each call.
	idleConnections = 1024
	// idleTimeout is shorter than servers usually wait, because a request
	// that meets the end of its connection may or may not have run.
	idleTimeout = 30 * time.Second

	dialTimeout        = 10 * time.Second
	maxResponseHeaders = 64 << 10
)

type transport struct {
	url       *url.URL
	headers   http.Header // of every request, from the configuration
	timeout   time.Duration
	maxResult int64
	tools     upstream.Tools
	http      *http.Transport
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
		url:       target,
		headers:   make(http.Header, len(spec.Headers)),
		timeout:   spec.Timeout,
		maxResult: spec.MaxResult,
		tools:     tools,
		http:      newHTTP(),
	}
	for name, value := range spec.Headers {
		t.headers.Set(name, value)
	}
	return t, nil
}

func newHTTP() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: nil,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &watchedConn{Conn: c}, nil
		},
		Protocols:              protocols,
		TLSHandshakeTimeout:    dialTimeout,
		DisableCompression:     true, // a bounded answer must be bounded before it is unpacked
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
	}
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
	t.http.CloseIdleConnections()
	return nil
}
