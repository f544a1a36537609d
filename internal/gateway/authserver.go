package gateway

import (
	"net/url"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/session"
)

// hasAuthServer says whether agents get their tokens here: in the modes in
// which people sign in with us.
func hasAuthServer(c config.Auth) bool {
	return c.Mode == config.ModeLocal || c.Mode == config.ModeRemote
}

// authServer is what agents and people meet of the authorization server, of the
// gateway at a URL. nil and the zero value: there is none.
func (g *Gateway) authServer(public *url.URL) (*oauth.Server, web.AuthServer) {
	auth, limits := g.Config.Auth, g.Config.Server.Limits
	if !hasAuthServer(auth) {
		return nil, web.AuthServer{}
	}
	resource := oauth.Resources(public, g.standalone)
	given := grants.New(g.DB, g.Log, g.Users, g.Sessions, g.Resolver, grants.Config{
		CodeTTL: auth.Tokens.CodeTTL, RefreshTTL: auth.Tokens.RefreshTTL, RefreshGrace: auth.Tokens.RefreshGrace,
		Admins: identity.Admins(auth.Admins), PublicURL: public.String(), Resource: resource, DefaultResource: auth.DefaultResource,
	})
	programs := oauth.New(oauth.Config{
		URL: public, DB: g.DB, Clients: g.Clients, Grants: given,
		Dynamic: auth.Registration.Dynamic, Documents: auth.Registration.MetadataDocuments, Standalone: g.standalone,
		RefreshTTL: auth.Tokens.RefreshTTL, Tokens: limitOf(limits.Token), Registrations: limitOf(limits.Register), Logger: g.Logger,
	})
	return programs, web.AuthServer{
		Clients: g.Clients, Rules: g.Rules, PublicURL: public.String(), Resource: resource, DefaultResource: auth.DefaultResource,
		Pending: pending.New(g.DB, g.Log, g.Users, g.Sessions, given, pending.Config{
			GrantDefault: auth.Tokens.GrantDefault, GrantMax: auth.Tokens.GrantMax, Admins: identity.Admins(auth.Admins),
		}),
		Admins: identity.Admins(auth.Admins), GrantDefault: auth.Tokens.GrantDefault, GrantMax: auth.Tokens.GrantMax,
		Preselect: string(auth.Consent.Preselect), ConsentMessage: auth.Consent.CustomMessage, NoConsent: !auth.Consent.Enabled, Remember: auth.Consent.Remember,
		AllowSkip: auth.Incremental.AllowSkip, SkippedApps: g.skippedApps, NoIncremental: !auth.Incremental.Enabled, Authorizations: limitOf(limits.Token), Documents: limitOf(limits.Register),
	}
}

// signInScope is what agents without a token are told to ask for: where people
// agree on a page, that the tier is chosen there.
func signInScope(c config.Auth) string {
	if hasAuthServer(c) {
		return session.AnyScope
	}
	return ""
}
