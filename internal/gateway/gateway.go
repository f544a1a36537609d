package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge/mcp"
)

// A Gateway is everything of one instance. Open makes it, Run runs it once.
type Gateway struct {
	*Core
	Catalogue *Catalogue
	Guard     *guard.Guard
	Resolver  *identity.Resolver

	metrics *metrics
	mcp     *mcp.Handler
	// stopping is closed when the gateway begins to stop.
	stopping chan struct{}
	public   net.Listener
	admin    net.Listener // nil: turned off
	tls      *tls.Config  // of public; nil: it speaks HTTP
	work     sync.WaitGroup
	life     context.Context // of work
	stop     context.CancelFunc

	asked     <-chan os.Signal // the configuration is to be read again
	reread    Reread
	reloading sync.Mutex     // one at a time; and:
	running   *config.Config // what is in force
	edition   uint64         // of it, from 0
	stopped   bool           // nothing is reloaded any more
}

// starting bounds how long the start waits for the apps' lists. Those that
// are late come as soon as they answer.
const starting = 5 * time.Second

// Open makes a gateway that listens and does not answer yet. An error leaves
// nothing open.
func Open(ctx context.Context, c *config.Config, logger *slog.Logger) (g *Gateway, err error) {
	g = &Gateway{metrics: newMetrics(), stopping: make(chan struct{}), running: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close(context.WithoutCancel(ctx)))
		}
	}()
	if g.tls, err = certificate(c.Server.TLS); err != nil {
		return g, err
	}
	if err := g.listen(c); err != nil {
		return g, err
	}
	if g.Core, err = OpenCore(ctx, c, MakeMissing, logger); err != nil {
		return g, err
	}
	if err := g.checkMachines(ctx); err != nil {
		return g, err
	}
	warn(c.Apps, logger)
	g.background(context.WithoutCancel(ctx))
	late, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	if g.Catalogue, err = OpenCatalogue(late, g.Core); err != nil {
		return g, err
	}
	g.buildGuard()
	return g, nil
}

// warn says what is allowed and not safe on every network.
func warn(apps []config.App, logger *slog.Logger) {
	for _, a := range apps {
		if a.InClear() {
			logger.Warn("what the gateway sends to an app is not encrypted, its headers and credential included; give it an https url", "app", a.ID)
		}
	}
}

func (g *Gateway) listen(c *config.Config) (err error) {
	if g.public, err = net.Listen("tcp", c.Server.Listen); err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	if c.Server.AdminListen == "" {
		return nil
	}
	if g.admin, err = net.Listen("tcp", c.Server.AdminListen); err != nil {
		return fmt.Errorf("server.admin_listen: %w", err)
	}
	return nil
}

func (g *Gateway) buildGuard() {
	auth := g.Config.Auth
	g.Resolver = identity.NewResolver(g.Tokens, identity.Admins(auth.Admins), anonymous(auth))
	g.Resolver.Accept(identity.KindAccess, g.Sessions)
	if t := g.trusted(); t != nil {
		g.Resolver.AcceptForeign(g.Sessions.Foreigners(t))
	}
	g.Resolver.OnRefused(g.metrics.tokenRefused)
	g.Operators.OnRefused(g.metrics.tokenRefused)
	rules := g.Rules.now.Load()
	g.Guard = guard.New(guard.Config{
		Gates: g.gates(rules), Category: categories(rules),
		DB: g.DB, Epochs: g.Epochs, Approvals: g.Approvals, Log: g.Log,
		Durability: guard.Durability(g.Config.Audit.Durability), Observer: g.metrics, Logger: g.Logger,
	})
}

// background starts what goes on beside calls, until Close.
func (g *Gateway) background(ctx context.Context) {
	ctx, g.stop = context.WithCancel(ctx)
	g.life = ctx
	g.work.Go(func() { g.DB.Watch(ctx) })
	g.work.Go(func() {
		g.every(ctx, g.Config.Approvals.CleanupInterval, "sweep approvals", g.Approvals.Sweep)
	})
	g.work.Go(func() { g.every(ctx, sweepingClients, "sweep clients", g.sweepClients) })
	g.work.Go(func() { g.every(ctx, time.Minute, "write when tokens were last used", g.Tokens.Flush) })
}

func (g *Gateway) every(ctx context.Context, d time.Duration, what string, do func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				g.Logger.Error("background work failed; it is tried again", "work", what, "error", err)
			}
		}
	}
}

// Close gives back everything that is open. It may be called on a gateway
// that Open could not finish.
func (g *Gateway) Close(ctx context.Context) error {
	var errs []error
	for _, l := range []net.Listener{g.public, g.admin} {
		if l != nil {
			errs = append(errs, ignoreClosed(l.Close()))
		}
	}
	if g.Catalogue != nil {
		errs = append(errs, g.Catalogue.Close())
	}
	if g.stop != nil {
		g.stop()
		g.work.Wait()
	}
	if g.Core != nil {
		errs = append(errs, g.Core.Close(ctx))
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
