package sampleserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	headerWait = 5 * time.Second
	idleWait   = 2 * time.Minute

	// farewell is how long calls in flight may take after the stop.
	farewell = 5 * time.Second
)

// Run serves h on addr until ctx ends, then lets calls in flight finish,
// for five seconds at most. It writes "ready URL" to out once it accepts
// calls. It returns nil when it was stopped by ctx.
func Run(ctx context.Context, addr string, h http.Handler, out io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	if _, err := fmt.Fprintf(out, "ready http://%s/mcp\n", listener.Addr()); err != nil {
		return errors.Join(fmt.Errorf("say ready: %w", err), server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", addr, err)
	case <-ctx.Done():
		return stop(ctx, server)
	}
}

// stop is patient with calls, but not with event streams: those stay open
// as long as their client likes.
func stop(ctx context.Context, server *http.Server) error {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	err := server.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}
