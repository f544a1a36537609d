package gateway

import (
	"net/http"
	"net/netip"
	"net/url"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/internal/issuer"
)

// instance is the name that people see.
const instance = "Ostiary"

// handler is everything that the public listener serves.
func (g *Gateway) handler() http.Handler {
	public := g.publicURL()
	g.mcp = g.mcpHandler(public)
	g.Catalogue.changed = g.mcp.ListsChanged
	browsers := visit.NewBrowsers(g.Browsers, g.Users, g.DB.DeriveKey("form tokens"), public.Scheme == "https", g.Config.Auth.Browser.Max)
	programs, people := g.authServer(public)
	signIn, link := g.providers()
	return edge.New(edge.Config{
		Site: visit.Site{URL: public, Loopback: g.Config.Loopback()}, TrustedProxies: g.Config.Server.TrustedProxies,
		Name: instance, DB: g.DB, MCP: g.mcp, Standalone: g.standalone, Logger: g.Logger,
		Web: g.web(browsers, people, signIn, link), API: g.api(browsers, programs, required(link)), OAuth: programs, Issuers: g.issuersAt,
	})
}

func (g *Gateway) mcpHandler(public *url.URL) *mcp.Handler {
	return mcp.New(mcp.Config{
		Guard: g.Guard, Catalogue: g.Catalogue.Catalogue, Upstreams: g.Catalogue.Fleet, Identity: g.Resolver, DB: g.DB,
		PublicURL: public.String(), Origins: g.Config.Server.AllowedOrigins, MaxBody: int64(g.Config.Server.MaxBody),
		Hold: g.Config.Approvals.Hold, StepUp: mcp.StepUp(g.Config.Auth.StepUp), SignInScope: signInScope(g.Config.Auth), NoIncremental: !g.Config.Auth.Incremental.Enabled,
		Version: Version(), Instructions: g.Config.MCP.Instructions, Logger: g.Logger,
		ClientAddr: func(r *http.Request) netip.Addr { return visit.Address(r.Context()) },
	})
}

func (g *Gateway) standalone(app string) bool {
	a, ok := g.Catalogue.App(app)
	return ok && a.Standalone
}

func (g *Gateway) web(browsers *visit.Browsers, agents web.AuthServer, signIn []*issuer.Provider, link []web.Federated) *web.Web {
	auth := g.Config.Auth
	return web.New(web.Config{
		Instance: instance, DB: g.DB, Browsers: browsers, Sessions: g.Browsers, Users: g.Users, Tokens: g.Tokens,
		Operators: g.Operators, AgentSessions: g.Sessions, Resolver: g.Resolver, Approvals: g.Approvals, Guard: g.Guard,
		Catalogue: g.Catalogue.Catalogue, Logger: g.Logger,
		Reauth: auth.Browser.Reauth, Personal: personalConfig(auth), OperatorTTL: auth.Operator.MaxTTL,
		LoginFailures: limitOf(g.Config.Server.Limits.LoginFailures), Stopping: g.stopping,
		AuthServer: agents, Registry: g.Clients, Audit: g.Reader, Ends: g.Core,
		Providers: signIn, Federated: link, Passwords: len(auth.Users) > 0, Callbacks: limitOf(g.Config.Server.Limits.Callback),
	})
}

func (g *Gateway) api(browsers *visit.Browsers, programs *oauth.Server, required []string) *api.API {
	c := api.Config{
		DB: g.DB, Browsers: browsers, Users: g.Users, Tokens: g.Tokens, Operators: g.Operators, Sessions: g.Sessions, Clients: g.Clients,
		Resolver: g.Resolver, Approvals: g.Approvals, Audit: g.Reader, Guard: g.Guard, Rules: g.Rules,
		Catalogue: g.Catalogue.Catalogue, Ends: g.Core, Logger: g.Logger,
		Reauth: g.Config.Auth.Browser.Reauth, MaxBody: int64(g.Config.Server.MaxBody), Leaks: limitOf(g.Config.Server.Limits.Callback), Required: required,
	}
	if programs != nil {
		c.LeakedRefresh = programs.Grants.Leaked
	}
	return api.New(c)
}

func limitOf(r config.Rate) limit.Rate { return limit.Rate(r) }
