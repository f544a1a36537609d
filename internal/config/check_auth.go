package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

func (a Auth) check(r *report, c *Config) {
	a.checkMode(r)
	a.checkUsers(r, c.Loopback())
	a.checkClaims(r)
	a.checkTokens(r)
	a.checkReferences(r, c)
	each(r, "auth.anonymous.scopes", a.Anonymous.Scopes, scopeToken, "a scope")
	a.checkIssuers(r)
	a.checkProviders(r)
	a.Registration.check(r)
	a.checkClients(r, c)
}

func (a Auth) checkMode(r *report) {
	if a.Mode == ModeTransparent && len(a.Transparent.Issuers) == 0 {
		r.refuse("auth.mode", "transparent needs an entry in auth.transparent.issuers")
	}
	if a.Mode == ModeRemote && len(a.Providers) == 0 {
		r.refuse("auth.mode", "remote needs an entry in auth.providers")
	}
}

func (a Auth) checkUsers(r *report, loopback bool) {
	ids := make([]string, len(a.Users))
	for i, u := range a.Users {
		ids[i] = u.ID
		u.check(r, index("auth.users", i), loopback)
		a.checkSaid(r, index("auth.users", i)+".claims", u.Claims)
	}
	unique(r, "auth.users", "id", ids)
}

func (u User) check(r *report, path string, loopback bool) {
	refuseError(r, path+".id", identity.CheckUserID(ostiary.Subject(u.ID)))
	refuseError(r, path+".email", identity.CheckEmail(u.Email))
	if r.has(path + ".password") {
		refuseError(r, path+".password", identity.CheckPassword(u.Password))
	}
	if u.Password != "" && u.PasswordHash != "" {
		r.refuse(path+".password", "stands beside password_hash; keep the hash")
	}
	if u.Password != "" && !loopback {
		r.refuse(path+".password", "is refused when listening off loopback; use password_hash (`ostiary users hash` makes one)")
	}
	if !r.has(path + ".password_hash") {
		return
	}
	if err := identity.CheckPasswordHash(u.PasswordHash.Reveal()); err != nil {
		r.refuse(path+".password_hash", "%v; `ostiary users hash` makes one", err)
	}
}

func (a Auth) checkClaims(r *report) {
	const what = "a claim's name or dotted path"
	each(r, "auth.claims.tenant", a.Claims.Tenant, dottedPath, what)
	each(r, "auth.claims.sites", a.Claims.Sites, dottedPath, what)
	each(r, "auth.claims.roles", a.Claims.Roles, dottedPath, what)
	each(r, "auth.claims.admin", a.Claims.Admin, dottedPath, what)
}

// checkSaid refuses claims that identity could not read.
func (a Auth) checkSaid(r *report, path string, claims map[string]any) {
	if err := a.Claims.Paths().Check(claims); err != nil {
		for problem := range strings.Lines(err.Error()) {
			r.refuse(path, "%s", strings.TrimSpace(problem))
		}
	}
}

func (a Auth) checkTokens(r *report) {
	ordered(r, "auth.tokens.grant_default", a.Tokens.GrantDefault, "auth.tokens.grant_max", a.Tokens.GrantMax)
	ordered(r, "auth.tokens.access_ttl", a.Tokens.AccessTTL, "auth.tokens.grant_max", a.Tokens.GrantMax)
	ordered(r, "auth.tokens.refresh_grace", a.Tokens.RefreshGrace, "auth.tokens.refresh_ttl", a.Tokens.RefreshTTL)
	ordered(r, "auth.personal.default_ttl", a.Personal.DefaultTTL, "auth.personal.max_ttl", a.Personal.MaxTTL)
	ordered(r, "auth.browser.idle", a.Browser.Idle, "auth.browser.max", a.Browser.Max)
	ordered(r, "auth.browser.reauth", a.Browser.Reauth, "auth.browser.max", a.Browser.Max)
}

// checkReferences looks up the apps that other keys name.
func (a Auth) checkReferences(r *report, c *Config) {
	for i, id := range a.Anonymous.Apps {
		c.checkApp(r, index("auth.anonymous.apps", i), id)
	}
	if a.DefaultResource == "/mcp" {
		return
	}
	standalone := func(app App) bool { return app.Standalone && a.DefaultResource == fmt.Sprintf("/%s/mcp", app.ID) }
	if !slices.ContainsFunc(c.Apps, standalone) {
		r.refuse("auth.default_resource", "%q is neither /mcp nor /APP/mcp of a standalone app", a.DefaultResource)
	}
}

func (a Auth) checkIssuers(r *report) {
	ids := make([]string, len(a.Transparent.Issuers))
	for i, issuer := range a.Transparent.Issuers {
		path := index("auth.transparent.issuers", i)
		ids[i] = issuer.ID
		checkURL(r, path+".issuer", issuer.Issuer, true)
		checkURL(r, path+".jwks_url", issuer.JWKSURL, true)
		each(r, path+".required_scopes", issuer.RequiredScopes, scopeToken, "a scope")
	}
	unique(r, "auth.transparent.issuers", "id", ids)
}

func (a Auth) checkProviders(r *report) {
	if len(a.Providers) > 0 && a.Mode != ModeLocal && a.Mode != ModeRemote {
		r.refuse("auth.providers", "people come from providers in mode remote, and link accounts in local and remote; in mode %s there is nothing that they are for", a.Mode)
	}
	ids := make([]string, len(a.Providers))
	for i, p := range a.Providers {
		ids[i] = p.ID
		p.check(r, index("auth.providers", i))
	}
	unique(r, "auth.providers", "id", ids)
	a.checkNames(r)
}

// checkNames keeps the people of two issuers apart: they go by the issuer's id.
func (a Auth) checkNames(r *report) {
	for i, p := range a.Providers {
		for j, issuer := range a.Transparent.Issuers {
			if p.ID == issuer.ID && p.Issuer != issuer.Issuer {
				r.refuse(index("auth.providers", i)+".id", "%q is another issuer's in %s: its people would be taken for each other",
					p.ID, index("auth.transparent.issuers", j))
			}
		}
	}
}

func (p Provider) check(r *report, path string) {
	plain := p.AuthorizeURL != "" && p.TokenURL != "" && p.UserinfoURL != ""
	if p.Issuer == "" && !plain {
		r.refuse(path, "needs issuer, or authorize_url, token_url and userinfo_url")
	}
	checkURL(r, path+".issuer", p.Issuer, true)
	checkURL(r, path+".authorize_url", p.AuthorizeURL, true)
	checkURL(r, path+".token_url", p.TokenURL, true)
	checkURL(r, path+".userinfo_url", p.UserinfoURL, true)
	each(r, path+".scopes", p.Scopes, scopeToken, "a scope")
}
