package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// runProxy is the yardstick: a httputil.ReverseProxy that checks nothing.
func runProxy(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("proxy takes the upstream's URL, got %q", args)
	}
	upstream, err := url.Parse(args[0])
	if err != nil {
		return fmt.Errorf("read the upstream's URL: %w", err)
	}
	return serve(ctx, newProxy(upstream))
}

// newProxy keeps as many idle connections as a run may open. The default of
// two would make the proxy dial anew for most calls, and flatter the gateway.
func newProxy(upstream *url.URL) http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport: &http.Transport{
			MaxIdleConns:        maxConnections,
			MaxIdleConnsPerHost: maxConnections,
			DisableCompression:  true,
		},
	}
	return wholeBody(forward)
}

// wholeBody reads the request before it is forwarded. A ReverseProxy that
// streams it loses an answer now and then ("use of closed network
// connection"): the upstream has answered before the proxy has seen the end
// of the request, and the connection is closed under the answer. It costs
// the yardstick nothing: calls are small.
func wholeBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}
