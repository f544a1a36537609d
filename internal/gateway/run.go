package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// grace bounds how long calls in flight may go on after the gateway was
// told to stop.
const grace = 20 * time.Second

// Run answers until ctx is done, then lets calls in flight finish and closes
// everything. ready is called with the public URL once calls are accepted.
func (g *Gateway) Run(ctx context.Context, ready func(url string)) error {
	calls := g.server(g.handler())
	following, unfollow := context.WithCancel(context.WithoutCancel(ctx))
	defer unfollow()
	g.work.Go(func() { g.Catalogue.follow(following) })
	g.work.Go(func() { g.mcp.Work(following) })
	g.work.Go(func() { g.reloads(following) })
	servers, listeners := []*http.Server{calls}, []net.Listener{g.public}
	if g.admin != nil {
		servers, listeners = append(servers, g.server(byOwnNames(g.admin, g.metrics.handler()))), append(listeners, g.admin)
	}
	calls.TLSConfig = g.tls
	failed := make(chan error, len(servers))
	for i, s := range servers {
		go func() { failed <- serve(s, listeners[i]) }()
	}
	ready(g.publicURL().String())
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	unfollow()
	return errors.Join(err, g.shutDown(context.WithoutCancel(ctx), servers))
}

func serve(s *http.Server, l net.Listener) error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
}

// shutDown ends in the order in which things rest on each other: no new
// calls, calls in flight, upstreams, log, storage.
func (g *Gateway) shutDown(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	g.endReloads()
	close(g.stopping) // streams would keep the stop waiting
	g.mcp.Close()
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			g.Logger.Warn("calls were cut off by the stop", "error", err)
			_ = s.Close() // it says again what Shutdown said
		}
	}
	g.mcp.Drain(ctx)
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	return g.Close(closing)
}

// server bounds every wait that a client can cause. Writing has no bound:
// held calls and streams are long by nature.
func (g *Gateway) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ConnContext: visit.ConnContext,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(g.Logger.Handler(), slog.LevelDebug),
	}
}

// certificate is what the public listener shows; nil: it speaks HTTP.
func certificate(t config.TLS) (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

// publicURL is server.public_url; where it has port 0, the port that was
// taken.
func (g *Gateway) publicURL() *url.URL {
	u := *g.Config.Server.PublicURL
	if u.Port() == "0" {
		_, port, _ := net.SplitHostPort(g.public.Addr().String())
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return &u
}
