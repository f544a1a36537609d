package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary/internal/wire"
)

// probeTimeout is how long a server may take to answer server/discover before
// it is taken for one that begins with initialize: some of those stay silent.
const probeTimeout = 5 * time.Second

// capabilities are what an upstream said it has.
type capabilities struct {
	Logging                   *struct{}
	Tools, Resources, Prompts *struct{ ListChanged, Subscribe bool }
	Extensions                map[string]json.RawMessage
}

// dial opens a connection and agrees on a protocol version.
//
// The era is a property of the server, not of a request, so what was found is
// remembered ("clients SHOULD cache the result", 2026-07-28 basic/versioning)
// and forgotten when it stops working: a connection of a caller to a stateless
// upstream costs no request at all, one to an older upstream costs initialize.
func (a *app) dial(ctx context.Context, k key) (*conn, error) {
	c, err := a.connect(ctx, k)
	if err != nil {
		return nil, err
	}
	if known := a.era.Load(); known != nil && k.isCaller() && wire.Stateless(known.version) {
		return a.inEraOf(ctx, c, k, known)
	}
	return a.agree(ctx, c, k)
}

func (a *app) connect(ctx context.Context, k key) (*conn, error) {
	c := newConn(a, k.asks)
	link, err := a.transport.Dial(ctx, c.uncorrelated)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.link = link
	return c, nil
}

// agree finds a version that both sides speak: server/discover first, unless
// the upstream is known to be older or reached in a way that only older ones
// have, then initialize. A server that didn't survive the question is started
// anew and not asked again.
func (a *app) agree(ctx context.Context, c *conn, k key) (*conn, error) {
	if known := a.era.Load(); a.spec.Transport != SSE && (known == nil || wire.Stateless(known.version)) {
		found, err := c.discover(ctx)
		if err != nil {
			return nil, a.disagreed(c, err)
		}
		if found != nil {
			a.era.Store(found)
			return a.inEraOf(ctx, c, k, found)
		}
		if c.isBroken() {
			c.close()
			if c, err = a.connect(ctx, k); err != nil {
				return nil, err
			}
		}
	}
	if err := c.initialize(ctx); err != nil {
		return nil, a.disagreed(c, err)
	}
	a.era.Store(&era{version: c.version})
	return c, nil
}

func (a *app) disagreed(c *conn, err error) error {
	c.close()
	a.era.Store(nil)
	return err
}

// inEraOf goes on in the era of the caller, where a stateless upstream has it
// too, and otherwise without a handshake.
func (a *app) inEraOf(ctx context.Context, c *conn, k key, found *era) (*conn, error) {
	if !found.begins(k) {
		c.version = found.version
		return c, nil
	}
	err := c.initialize(ctx)
	if err != nil && unreachable(ctx, err) {
		return nil, a.disagreed(c, err)
	}
	if err == nil && c.inSession() {
		return c, nil
	}
	c.close()
	a.log.Debug("an upstream that speaks an era with sessions begins none", "error", err)
	a.era.Store(&era{version: found.version, tasks: found.tasks})
	return a.dial(ctx, k)
}

// discover asks in the manner of 2026-07-28 and returns what it found, or nil
// where the upstream did not understand. Whatever is no recognized answer of that era "identifies a
// legacy server" (basic/versioning, backward compatibility); an error means
// that the upstream could not be asked.
func (c *conn) discover(ctx context.Context) (*era, error) {
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c.version = wire.Version20260728
	reply, err := c.call(probe, Request{Method: wire.MethodDiscover})
	c.version = ""
	switch {
	case err != nil && unreachable(ctx, err):
		return nil, fmt.Errorf("server/discover: %w", err)
	case err != nil:
		return nil, nil
	case reply.Err != nil && !modernError(reply.Err):
		return nil, nil
	}
	var found struct {
		SupportedVersions []string
		Capabilities      capabilities
	}
	if reply.Err == nil && (json.Unmarshal(reply.Result, &found) != nil || !speaksStateless(found.SupportedVersions)) {
		return nil, nil
	}
	c.has, c.version = found.Capabilities, wire.Version20260728
	return &era{version: c.version, sessions: speaksSessions(found.SupportedVersions), tasks: c.has.tasks()}, nil
}

// unreachable says whether err is about the way to the upstream, so that
// another kind of question would fare no better.
func unreachable(ctx context.Context, err error) bool {
	switch code := status(err); {
	case ctx.Err() != nil, NotSent(err):
		return true
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusTooManyRequests:
		return true
	default:
		return code >= http.StatusInternalServerError
	}
}

// modernError recognizes the errors that only a stateless server gives, unless
// it says that it doesn't speak our version of them.
func modernError(raw []byte) bool {
	var e struct {
		Code int
		Data struct{ Supported []string }
	}
	if json.Unmarshal(raw, &e) != nil {
		return false
	}
	switch e.Code {
	case wire.CodeUnsupportedVersion:
		return speaksStateless(e.Data.Supported)
	case wire.CodeHeaderMismatch, wire.CodeMissingCapability:
		return true
	default:
		return false
	}
}

// initialize begins a session (2025-11-25 basic/lifecycle).
func (c *conn) initialize(ctx context.Context) error {
	reply, err := c.call(ctx, Request{Method: "initialize", Params: c.initializeParams()})
	if err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	if reply.Err != nil {
		return fmt.Errorf("initialize was refused: %s", Excerpt(reply.Err))
	}
	var got struct {
		ProtocolVersion string
		Capabilities    capabilities
	}
	if err := json.Unmarshal(reply.Result, &got); err != nil {
		return fmt.Errorf("answer to initialize: %w", err)
	}
	if !slices.Contains(sessionVersions, got.ProtocolVersion) {
		return fmt.Errorf("initialize: the upstream speaks version %q, we know %q", got.ProtocolVersion, sessionVersions)
	}
	c.version, c.has = got.ProtocolVersion, got.Capabilities
	if err := c.notify(ctx, "notifications/initialized"); err != nil {
		return fmt.Errorf("notifications/initialized: %w", err)
	}
	return nil
}

func (c *conn) initializeParams() []byte {
	return fmt.Appendf(nil, `{"protocolVersion":%q,"capabilities":%s,"clientInfo":%s}`, wire.Version20251125, c.asks.Capabilities(), c.app.client)
}

func (c *conn) inSession() bool {
	s, ok := c.link.(Sessioner)
	return !ok || s.InSession()
}

// clientInfo is how we name ourselves to upstreams.
func clientInfo(version string) []byte {
	if version == "" {
		version = "0"
	}
	info, err := json.Marshal(map[string]string{"name": "ostiary", "version": version})
	if err != nil {
		panic(errors.New("strings always marshal"))
	}
	return info
}
