package sse

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

const (
	dialTimeout        = 10 * time.Second
	maxResponseHeaders = 64 << 10
	// idleConnections are kept for posts; each stream has one besides.
	idleConnections = 64
	// idleTimeout is shorter than servers usually wait, because a request
	// that meets the end of its connection may or may not have run.
	idleTimeout = 30 * time.Second
)

type transport struct {
	spec   upstream.Spec
	tools  upstream.Tools
	target *url.URL // of the stream
	http   *http.Transport
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
	return &transport{spec: spec, tools: tools, target: target, http: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: maxResponseHeaders, DisableCompression: true,
		MaxIdleConns: idleConnections, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout,
	}}, nil
}

// Dial opens a stream and waits until the upstream has named its endpoint.
func (t *transport) Dial(ctx context.Context, receive upstream.Receiver) (upstream.Link, error) {
	l := newLink(t, receive)
	inTime := context.AfterFunc(ctx, l.cancel)
	err := l.open()
	if !inTime() {
		err = context.Cause(ctx)
	}
	if err != nil {
		l.cancel()
		l.closeStream()
		return nil, err
	}
	go l.run()
	return l, nil
}

// Costly is true: a link is an open stream.
func (t *transport) Costly() bool { return true }

func (t *transport) Close() error {
	t.http.CloseIdleConnections()
	return nil
}
