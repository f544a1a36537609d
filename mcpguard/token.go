package mcpguard

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// A Resolver tells who a bearer token is. *identity.Resolver is one. A token
// that is not good gives an error that wraps identity.ErrInvalidToken.
type Resolver interface {
	Bearer(ctx context.Context, token string, addr netip.Addr) (*ostiary.Principal, error)
}

// RequireToken lets requests with a good token through to an MCP handler of
// the SDK, and answers others with 401. options may be nil. The end of a
// token is looked at with every request, and again in every call.
func RequireToken(r Resolver, options *auth.RequireBearerTokenOptions) func(http.Handler) http.Handler {
	var o auth.RequireBearerTokenOptions
	if options != nil {
		o = *options
	}
	o.AllowMissingExpiration = true
	return auth.RequireBearerToken(Verifier(r), &o)
}

// Verifier is for the SDK's auth.RequireBearerToken, whose options must set
// AllowMissingExpiration: that a token has ended is the resolver's to say.
func Verifier(r Resolver) auth.TokenVerifier {
	return func(ctx context.Context, token string, req *http.Request) (*auth.TokenInfo, error) {
		c := credential{r, token, peer(req)}
		p, err := r.Bearer(ctx, token, c.addr)
		if errors.Is(err, identity.ErrInvalidToken) {
			return nil, auth.ErrInvalidToken
		}
		if err != nil {
			return nil, errors.New("the token could not be looked up just now; try again later")
		}
		// A transport session is bound to its authorization session.
		return &auth.TokenInfo{UserID: string(p.Session), Scopes: p.Scopes, Extra: map[string]any{credentialKey: c}}, nil
	}
}

// peer is the address that the request came from.
func peer(r *http.Request) netip.Addr {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Addr().Unmap()
}

const credentialKey = "dev.ostiary/credential"

// A credential is what a request came with. It is resolved anew in every
// call: a token that was revoked meanwhile is nobody's.
type credential struct {
	resolver Resolver
	token    string
	addr     netip.Addr
}

func credentialOf(req mcp.Request) (credential, bool) {
	extra := req.GetExtra()
	if extra == nil || extra.TokenInfo == nil {
		return credential{}, false
	}
	c, ok := extra.TokenInfo.Extra[credentialKey].(credential)
	return c, ok
}

func fromToken(ctx context.Context, req mcp.Request) (*ostiary.Principal, error) {
	c, ok := credentialOf(req)
	if !ok {
		return nil, nil
	}
	p, err := c.resolver.Bearer(ctx, c.token, c.addr)
	if errors.Is(err, identity.ErrInvalidToken) {
		return nil, nil
	}
	return p, err
}

func addressOf(req mcp.Request) netip.Addr {
	c, _ := credentialOf(req)
	return c.addr
}
