package config

import (
	"net/url"
	"slices"
)

// complete fills in what one key takes from another.
func (c *Config) complete(r *report) {
	c.Server.completeURL(r)
	for i := range c.Apps {
		if c.Apps[i].Name == "" {
			c.Apps[i].Name = c.Apps[i].ID
		}
	}
	for i := range c.Tools {
		c.Tools[i].complete(r, index("tools", i), c.Sites)
	}
}

// completeURL lets public_url follow a loopback listener, so that a change of port
// is one change.
func (s *Server) completeURL(r *report) {
	if r.has("server.public_url") || !s.Loopback() {
		return
	}
	scheme := "http"
	if s.TLS.Enabled() {
		scheme = "https"
	}
	s.PublicURL = &url.URL{Scheme: scheme, Host: s.Listen}
}

func (t *ToolRule) complete(r *report, path string, sites Sites) {
	if t.Site != nil && t.Site.SiteIDField == "" {
		t.Site.SiteIDField = sites.SiteIDField
	}
	if t.Approval == nil {
		return
	}
	if t.Category == "" {
		t.Category = t.Approval.Category
	}
	t.Approval.completeScope(r.has(path + ".approval.default_scope"))
}

// completeScope proposes session where it is allowed, else the first scope that is.
func (a *Approval) completeScope(chosen bool) {
	if chosen || len(a.AllowedScopes) == 0 || slices.Contains(a.AllowedScopes, a.DefaultScope) {
		return
	}
	a.DefaultScope = a.AllowedScopes[0]
}
