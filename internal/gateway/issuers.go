package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/netguard"
)

// trusted are the issuers whose JWTs are taken at MCP endpoints; nil: none.
func (g *Gateway) trusted() *issuer.Trusted {
	auth := g.Config.Auth
	if auth.Mode != config.ModeTransparent {
		return nil
	}
	var list []issuer.Issuer
	for _, i := range auth.Transparent.Issuers {
		list = append(list, issuer.Issuer{
			ID: i.ID, Issuer: i.Issuer, Audience: i.Audience, JWKSURL: i.JWKSURL, RequiredScopes: i.RequiredScopes,
			Resources: g.resourcesOf(i.Audience), Allow: identity.Allow(i.Allow),
		})
	}
	from := netguard.New(netguard.Options{MaxBody: maxKeys, Private: true}) // what the operator names may be anywhere
	return issuer.NewTrusted(g.Clock, from, auth.Claims.Paths(), list)
}

// resourcesOf are the endpoints that tokens of an audience are for: the one
// that it is the URL of, or else all, since the operator gave it to the gateway
// as a whole.
func (g *Gateway) resourcesOf(audience string) []string {
	path, ours := strings.CutPrefix(audience, g.publicURL().String())
	standalone := slices.ContainsFunc(g.Config.Apps, func(a config.App) bool { return path == "/"+a.ID+"/mcp" })
	if ours && (path == "/mcp" || standalone) {
		return []string{path}
	}
	return []string{"*"}
}

// maxProvider is how much is taken of what a provider answers, in bytes.
const maxProvider = 1 << 20

// providers are where people sign in, none: here; and where they link accounts:
// wherever they don't sign in, or not only there.
func (g *Gateway) providers() (signIn []*issuer.Provider, link []web.Federated) {
	auth := g.Config.Auth
	for i, p := range g.allProviders() {
		if auth.Mode == config.ModeRemote {
			signIn = append(signIn, p)
		}
		if auth.Mode == config.ModeLocal || len(auth.Providers) > 1 {
			link = append(link, web.Federated{Provider: p, Required: auth.Providers[i].Required, Scopes: auth.Providers[i].Scopes})
		}
	}
	return signIn, link
}

// required are the providers at which people link an account before they give
// anything away.
func required(link []web.Federated) (ids []string) {
	for _, f := range link {
		if f.Required {
			ids = append(ids, f.ID())
		}
	}
	return ids
}

func (g *Gateway) allProviders() (out []*issuer.Provider) {
	auth := g.Config.Auth
	for _, p := range auth.Providers {
		from := netguard.New(netguard.Options{MaxBody: maxProvider, Private: p.AllowPrivateNetworks, Timeout: 10 * time.Second})
		out = append(out, issuer.NewProvider(g.Clock, from, auth.Claims.Paths(), issuer.ProviderConfig{
			ID: p.ID, Name: p.Name, Issuer: p.Issuer, AuthorizeURL: p.AuthorizeURL, TokenURL: p.TokenURL, UserinfoURL: p.UserinfoURL,
			ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: p.Scopes, Allow: identity.Allow(p.Allow),
			Callback: g.publicURL().String() + "/oauth/callback/" + p.ID, Reauth: auth.Browser.Reauth,
		}))
	}
	return out
}

// issuersAt are where clients get tokens that we take at an endpoint and don't
// issue.
func (g *Gateway) issuersAt(endpoint string) (out []string) {
	if g.Config.Auth.Mode != config.ModeTransparent {
		return nil
	}
	for _, i := range g.Config.Auth.Transparent.Issuers {
		at := g.resourcesOf(i.Audience)
		if (at[0] == "*" || slices.Contains(at, endpoint)) && !slices.Contains(out, i.Issuer) {
			out = append(out, i.Issuer)
		}
	}
	return out
}
