package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/uri"
)

func (g Registration) check(r *report) {
	each(r, "auth.registration.allowed_domains", g.AllowedDomains, hostName, "a host name")
	for i, text := range g.RedirectAllow {
		u, err := uri.Parse(text)
		refuseRedirect(r, index("auth.registration.redirect_allow", i), u, err)
	}
}

// refuseRedirect reports what is no redirect URI, or would be read on its way.
func refuseRedirect(r *report, path string, u uri.URI, err error) {
	refuseError(r, path, err)
	if err == nil && u.Scheme == "http" && !u.Loopback() {
		r.refuse(path, insecure)
	}
}

func (a Auth) checkClients(r *report, c *Config) {
	ids := make([]string, len(a.Clients))
	for i, client := range a.Clients {
		path := index("auth.clients", i)
		ids[i] = client.ID
		client.check(r, path)
		client.checkApps(r, path, c)
		a.checkSubject(r, path+".id", client)
		a.checkSaid(r, path+".claims", client.Claims)
	}
	unique(r, "auth.clients", "id", ids)
}

// checkSubject keeps clients from being taken for people, for each other's
// tokens, and for what others vouch for. A machine's id is a subject.
func (a Auth) checkSubject(r *report, path string, c Client) {
	switch {
	case ostiary.ClientID(c.ID) == identity.PersonalClient:
		r.refuse(path, "%q is the client of everybody's personal tokens", c.ID)
	case strings.Contains(c.ID, "|"):
		r.refuse(path, `must not hold "|": ids with it are those of issuers and providers`)
	case c.Kind == ClientMachine && r.has(path):
		refuseError(r, path, identity.CheckUserID(ostiary.Subject(c.ID)))
	}
	for i, u := range a.Users {
		if c.Kind == ClientMachine && u.ID == c.ID && c.ID != "" {
			r.refuse(path, "%q is a person's in %s: a machine's id is a subject too, and they would be taken for each other", c.ID, index("auth.users", i))
		}
	}
}

func (c Client) check(r *report, path string) {
	each(r, path+".scopes", c.Scopes, scopeToken, "a scope")
	checkURL(r, path+".jwks_url", c.JWKSURL, true)
	for i, text := range c.RedirectURIs.URIs {
		c.checkRedirect(r, index(path+".redirect_uris", i), text)
	}
	c.checkKind(r, path)
	c.checkProof(r, path)
	c.checkOwner(r, path)
	c.checkScopeMap(r, path)
}

// shortestSecret is how many bytes a client's secret has at least, as many as
// a person's password.
const shortestSecret = 8

// checkProof holds the client to one way of proving itself that nobody guesses.
func (c Client) checkProof(r *report, path string) {
	if r.has(path+".secret") && len(c.Secret.Reveal()) < shortestSecret {
		r.refuse(path+".secret", "is shorter than %d bytes: it could be guessed", shortestSecret)
	}
	if c.Secret != "" && c.JWKSURL != "" {
		r.refuse(path+".secret", "stands beside jwks_url; keep the keys")
	}
}

// checkOwner refuses a resource client that would be nobody's.
func (c Client) checkOwner(r *report, path string) {
	switch {
	case c.Kind != ClientResource && c.Owner != nil:
		r.refuse(path+".owner", "is for resource clients")
	case c.Kind == ClientResource && (c.Owner == nil || c.Owner.App == "" && len(c.Owner.Sites) == 0):
		r.refuse(path+".owner", "is needed for kind resource: an app, sites, or both")
	case c.Owner != nil:
		notEmpty(r, path+".owner.sites", c.Owner.Sites)
	}
}

// checkScopeMap refuses scopes of a plugin that stand for nothing, and entries
// that nobody can ask for.
func (c Client) checkScopeMap(r *report, path string) {
	if c.Kind != ClientPlugin {
		if c.ScopeMap != nil {
			r.refuse(path+".scope_map", "is for plugins")
		}
		return
	}
	for _, scope := range slices.Sorted(maps.Keys(c.ScopeMap)) {
		each(r, under(path+".scope_map", scope), c.ScopeMap[scope], scopeToken, "a scope")
		if !slices.Contains(c.Scopes, scope) {
			r.refuse(under(path+".scope_map", scope), "is not among its scopes: nobody could ask for it")
		}
	}
	for i, scope := range c.Scopes {
		if _, mapped := c.ScopeMap[scope]; !mapped && scope != anyScope && !strings.Contains(scope, ":") {
			r.refuse(index(path+".scopes", i), "%q has no entry in scope_map and means nothing by itself", scope)
		}
	}
}

// anyScope is the scope of agents whose tier is chosen at consent.
const anyScope = "mcp-agent"

// checkApps looks up the apps that the client's owner and scopes name.
func (c Client) checkApps(r *report, path string, all *Config) {
	if c.Owner != nil && c.Owner.App != "" {
		all.checkApp(r, path+".owner.app", c.Owner.App)
	}
	lists := map[string][]string{path + ".scopes": c.Scopes}
	for scope, stands := range c.ScopeMap {
		lists[under(path+".scope_map", scope)] = stands
	}
	for at, scopes := range lists {
		for i, scope := range scopes {
			app, _, ok := strings.Cut(scope, ":")
			_, mapped := c.ScopeMap[scope]
			if ok && app != "mcp" && app != "*" && (!mapped || at != path+".scopes") {
				all.checkApp(r, index(at, i), app)
			}
		}
	}
}

// checkKind holds the client to what its kind must and must not have.
func (c Client) checkKind(r *report, path string) {
	redirects := c.RedirectURIs.Loopback || len(c.RedirectURIs.URIs) > 0
	switch c.Kind {
	case ClientMachine, ClientIntrospector:
		if cmp.Or(c.Secret.Reveal(), c.JWKSURL) == "" {
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
	if c.Kind == ClientIntrospector && len(c.Scopes) > 0 {
		r.refuse(path+".scopes", "have no place with kind introspector: it asks about tokens and gets none")
	}
	if c.Kind != ClientMachine && c.Claims != nil {
		r.refuse(path+".claims", "is for machine clients")
	}
}

// checkRedirect takes what can ever match: https, http on loopback, and schemes of
// programs. Only a plugin's host may begin with "*.", which stands for one label.
func (c Client) checkRedirect(r *report, path, text string) {
	u, err := uri.Parse(text)
	switch {
	case c.Kind == ClientPlugin && strings.HasPrefix(text, "https://*."):
		u, err = uri.ParsePattern(text)
	case err != nil && strings.Contains(text, "*"):
		r.refuse(path, "%q: * stands for the first label of a plugin's host and nothing else", text)
		return
	}
	refuseRedirect(r, path, u, err)
}
