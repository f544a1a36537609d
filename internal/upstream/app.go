package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// errWasBroken marks a request that met a broken connection and was not sent.
var errWasBroken = errors.New("the connection was broken")

// An app is one upstream: the way to it, its connections and its lists.
type app struct {
	spec      Spec
	log       *slog.Logger
	transport Transport
	pool      *pool
	lists     *catalogue
	vigils    vigils
	counts    Counts
	client    []byte // JSON of our clientInfo
	tooLate   error  // why a call ends that has waited for too long

	watching context.Context // of the lists
	rest     context.CancelFunc
	kicked   chan struct{} // the lists changed

	since, until uint64 // editions of the configuration; until is 0 while it is in force

	ids atomic.Int64 // of the last request; unique over all connections
	era atomic.Pointer[era]
}

func newApp(ctx context.Context, spec Spec, o Options, open Opener) (*app, error) {
	a := &app{spec: spec, log: o.Logger.With("app", spec.App), client: clientInfo(o.Version), kicked: make(chan struct{}, 1)}
	a.tooLate = fmt.Errorf("no answer within %v: %w", spec.Timeout, context.DeadlineExceeded)
	transport, err := open(spec, Tools{Logger: a.log, Clock: o.Clock, Counts: &a.counts})
	if err != nil {
		return nil, err
	}
	a.transport = transport
	a.watching, a.rest = context.WithCancel(ctx)
	a.lists = newCatalogue(spec.App, o)
	a.pool = newPool(ctx)
	a.pool.dial = a.dial
	a.pool.clock = o.Clock
	a.pool.timeout = spec.Timeout
	a.pool.costly = transport.Costly()
	a.pool.broken = func() { a.counts.Broken.Add(1) }
	a.pool.max = maxConnections
	if transport.Costly() && spec.Transport != SSE {
		a.pool.max = spec.MaxChildren
	}
	return a, nil
}

// call carries one request of a caller.
func (a *app) call(ctx context.Context, who Caller, req Request) (Reply, error) {
	reply, err := a.exchange(ctx, a.keyOf(who, req), req)
	if err != nil {
		return Reply{}, fault(a.spec.App, req.Method, err)
	}
	return reply, nil
}

// exchange asks once over the connection of k. When the upstream answers that
// it doesn't know the session, it has not executed anything: "the server MAY
// terminate the session at any time, after which it MUST respond to requests
// containing that session ID with HTTP 404 Not Found", and the client "MUST
// start a new session" (2025-11-25 basic/transports, session management). So
// does one that refuses the protocol version (2026-07-28 basic/versioning).
// The request is made a second time only then, and when the connection was
// found broken before a byte was written.
func (a *app) exchange(ctx context.Context, k key, req Request) (Reply, error) {
	ctx, cancel := a.bound(ctx, &req)
	defer cancel()
	reply, err := a.attempt(ctx, k, req)
	if errors.Is(err, ErrSessionGone) {
		a.era.Store(nil)
	}
	if errors.Is(err, ErrSessionGone) || errors.Is(err, errWasBroken) {
		reply, err = a.attempt(ctx, k, req)
	}
	return reply, err
}

// bound ends ctx when the upstream was waited for too long.
func (a *app) bound(ctx context.Context, req *Request) (context.Context, func()) {
	req.alive = ctx
	if req.Ask == nil {
		return context.WithTimeoutCause(ctx, a.spec.Timeout, a.tooLate)
	}
	ctx, wait, cancel := withDeadline(ctx, a.spec.Timeout, a.tooLate)
	req.wait = wait
	return ctx, cancel
}

func (a *app) attempt(ctx context.Context, k key, req Request) (Reply, error) {
	c, s, err := a.pool.acquire(ctx, k)
	if err != nil {
		return Reply{}, err
	}
	defer a.pool.release(s, c)
	reply, err := c.call(ctx, req)
	if err == nil && c.outdated(reply) {
		err = ErrSessionGone
	}
	switch {
	case err == nil:
	case c.isStale(err):
		a.pool.drop(s, c)
	case NotSent(err) && c.isBroken():
		err = fmt.Errorf("%w: %w", errWasBroken, err)
	}
	return reply, err
}

func (a *app) nextID() int64 { return a.ids.Add(1) }

func (a *app) close() error {
	a.rest()
	a.pool.cancel()
	a.vigils.beside.Close()
	a.pool.close()
	return a.transport.Close()
}
