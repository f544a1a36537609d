package config

import (
	"net/url"
	"strings"
)

func (g Registration) check(r *report) {
	each(r, "auth.registration.allowed_domains", g.AllowedDomains, hostName, "a host name")
	for i, text := range g.RedirectAllow {
		if u, err := url.Parse(text); err != nil || u.Scheme == "" || u.Fragment != "" || u.User != nil {
			r.refuse(index("auth.registration.redirect_allow", i), "%q is not a redirect URI", text)
		}
	}
}

func (a Auth) checkClients(r *report) {
	ids := make([]string, len(a.Clients))
	for i, client := range a.Clients {
		ids[i] = client.ID
		client.check(r, index("auth.clients", i))
		a.checkSaid(r, index("auth.clients", i)+".claims", client.Claims)
	}
	unique(r, "auth.clients", "id", ids)
}

func (c Client) check(r *report, path string) {
	each(r, path+".scopes", c.Scopes, scopeToken, "a scope")
	checkURL(r, path+".jwks_url", c.JWKSURL, true)
	for i, text := range c.RedirectURIs.URIs {
		c.checkRedirect(r, index(path+".redirect_uris", i), text)
	}
	c.checkKind(r, path)
	for scope, stands := range c.ScopeMap {
		each(r, under(path+".scope_map", scope), stands, scopeToken, "a scope")
	}
}

// checkKind holds the client to what its kind must and must not have.
func (c Client) checkKind(r *report, path string) {
	redirects := c.RedirectURIs.Loopback || len(c.RedirectURIs.URIs) > 0
	credential := c.Secret != "" || c.JWKSURL != ""
	switch c.Kind {
	case ClientMachine, ClientIntrospector:
		if !credential {
			r.refuse(path, "is of kind %s and needs secret or jwks_url", c.Kind)
		}
		if redirects {
			r.refuse(path+".redirect_uris", "has no place with kind %s", c.Kind)
		}
	case ClientAgent, ClientPlugin, ClientResource:
		if !redirects {
			r.refuse(path+".redirect_uris", "are needed for kind %s", c.Kind)
		}
		if c.Kind == ClientPlugin && c.RedirectURIs.Loopback {
			r.refuse(path+".redirect_uris", "plugins have fixed hosts; loopback is for agents")
		}
	}
	if c.Kind != ClientPlugin && c.ScopeMap != nil {
		r.refuse(path+".scope_map", "is for plugins")
	}
	if c.Kind != ClientResource && c.Owner != nil {
		r.refuse(path+".owner", "is for resource clients")
	}
	if c.Kind != ClientMachine && c.Claims != nil {
		r.refuse(path+".claims", "is for machine clients")
	}
}

// checkRedirect takes https, http on loopback, and schemes of programs for agents.
// Only a plugin's host may begin with "*.", which stands for one label.
func (c Client) checkRedirect(r *report, path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Fragment != "" || u.User != nil {
		r.refuse(path, "%q is not a redirect URI", text)
		return
	}
	host := u.Hostname()
	if c.Kind == ClientPlugin {
		host = strings.TrimPrefix(host, "*.")
	}
	switch {
	case strings.Contains(host, "*"):
		r.refuse(path, "%q: * stands for the first label of a plugin's host and nothing else", text)
	case u.Scheme == "http" && !loopbackHost(host):
		r.refuse(path, insecure)
	case c.Kind == ClientPlugin && !strings.Contains(host, "."):
		r.refuse(path, "%q would take every host below a top-level name", text)
	}
}
