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
}

// dial opens a connection and agrees on a protocol version.
//
// The era is a property of the server, not of a request, so what was found is
// remembered ("clients SHOULD cache the result", 2026-07-28 basic/versioning)
// and forgotten when it stops working: a connection of a caller to a stateless
// upstream costs no request at all, one to an older upstream costs initialize.
func (a *app) dial(ctx context.Context, k key) (*conn, error) {
	c, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	era, _ := a.era.Load().(string)
	if wire.Stateless(era) && k != (key{}) && !k.lists {
		c.version = era
		return c, nil
	}
	if c, err = a.agree(ctx, c, era); err != nil {
		a.era.Store("")
		return nil, err
	}
	a.era.Store(c.version)
	return c, nil
}

func (a *app) connect(ctx context.Context) (*conn, error) {
	c := newConn(a)
	link, err := a.transport.Dial(ctx, func(m wire.Message) { c.receive(m, nil) })
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.link = link
	return c, nil
}

// agree finds a version that both sides speak: server/discover first, unless
// the upstream is known to be older, then initialize. A server that didn't
// survive the question is started anew and not asked again.
func (a *app) agree(ctx context.Context, c *conn, era string) (*conn, error) {
	if era == "" || wire.Stateless(era) {
		found, err := c.discover(ctx)
		if found {
			return c, nil
		}
		if err != nil {
			c.close()
			return nil, err
		}
		if c.isBroken() {
			c.close()
			if c, err = a.connect(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := c.initialize(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// discover asks in the manner of 2026-07-28 and reports whether the upstream
// understood. Whatever is no recognized answer of that era "identifies a
// legacy server" (basic/versioning, backward compatibility); an error means
// that the upstream could not be asked.
func (c *conn) discover(ctx context.Context) (bool, error) {
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c.version = wire.Version20260728
	reply, err := c.call(probe, Request{Method: "server/discover"})
	c.version = ""
	switch {
	case err != nil && unreachable(ctx, err):
		return false, fmt.Errorf("server/discover: %w", err)
	case err != nil:
		return false, nil
	case reply.Err != nil:
		return c.accepts(modernError(reply.Err)), nil
	}
	var found struct {
		SupportedVersions []string
		Capabilities      capabilities
	}
	if json.Unmarshal(reply.Result, &found) != nil {
		return false, nil
	}
	c.has = found.Capabilities
	return c.accepts(speaksStateless(found.SupportedVersions)), nil
}

func (c *conn) accepts(ok bool) bool {
	if ok {
		c.version = wire.Version20260728
	}
	return ok
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
	reply, err := c.call(ctx, Request{Method: "initialize", Params: c.app.initializeParams()})
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

func (a *app) initializeParams() []byte {
	return fmt.Appendf(nil, `{"protocolVersion":%q,"capabilities":{},"clientInfo":%s}`, wire.Version20251125, a.client)
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
