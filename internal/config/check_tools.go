package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/glob"
)

func (c *Config) checkTools(r *report) {
	for i, rule := range c.Tools {
		path := index("tools", i)
		c.checkMatch(r, path+".match", rule.Match)
		rule.check(r, path, c)
		c.checkWider(r, i)
	}
}

func (t ToolRule) check(r *report, path string, c *Config) {
	each(r, path+".scopes", t.Scopes, scopeToken, "a scope")
	if t.Approval != nil {
		t.Approval.check(r, path+".approval", c.Approvals)
		if t.Approval.Category != "" && t.Approval.Category != t.Category {
			r.refuse(path+".approval.category", "is %s here and %s beside match", t.Approval.Category, t.Category)
		}
	}
	if t.Context != nil && strings.HasPrefix(t.Context.From, "header.") && len(c.Server.TrustedProxies) == 0 {
		r.refuse(path+".context.from", "reads a header, and server.trusted_proxies is empty: anybody could write it")
	}
	if t.Authorization != nil {
		notEmpty(r, path+".authorization.required_roles", t.Authorization.RequiredRoles)
	}
}

// appPart is what an app id can look like in a pattern.
var appPart = regexp.MustCompile(`^\**([a-z0-9?-]\**){0,32}$`)

// checkMatch refuses patterns that protect nothing: those that were written for a
// richer language, those that no canonical id can match, and those for an app that
// isn't there.
func (c *Config) checkMatch(r *report, path string, g glob.Glob) {
	text := g.String()
	if i := strings.IndexAny(text, `[]{}\|!`); i >= 0 {
		r.refuse(path, "has %q, which would stand for itself: only * and ? are special (? takes any one character)", text[i])
		return
	}
	if text == "" {
		return
	}
	if !namesTools(text) {
		r.refuse(path, "%q matches no tool: ids are APP:TOOL", text)
		return
	}
	if app, _, ok := strings.Cut(text, ":"); ok && !strings.ContainsAny(app, "*?") && app != gatewayItself {
		c.checkApp(r, path, app)
	}
}

// namesTools reports whether a pattern can match a canonical id: whether some :, ?
// or * of it can be the colon, with an app before it and a tool after it.
func namesTools(pattern string) bool {
	for i, c := range pattern {
		before, after := pattern[:i], pattern[i+1:]
		switch c {
		case '*':
			before, after = before+"*", "*"+after
		case ':', '?':
		default:
			continue
		}
		if before != "" && after != "" && appPart.MatchString(before) {
			return true
		}
	}
	return false
}

// messageField is what puts an argument into a message.
var messageField = regexp.MustCompile(`\{\{\s*[^{}\s]+\s*\}\}`)

func (a Approval) check(r *report, path string, approvals Approvals) {
	if len(a.AllowedScopes) == 0 {
		r.refuse(path+".allowed_scopes", "must not be empty; skip: true never asks")
	} else if a.DefaultScope != "" && !slices.Contains(a.AllowedScopes, a.DefaultScope) {
		r.refuse(path+".default_scope", "%s is not among allowed_scopes", a.DefaultScope)
	}
	unique(r, path+".allowed_scopes", "", texts(a.AllowedScopes...))
	if a.AlwaysPrompt && a.Skip {
		r.refuse(path+".skip", "contradicts always_prompt")
	}
	if a.Required && a.Skip {
		r.refuse(path+".skip", "contradicts required")
	}
	if a.AlwaysPrompt && !slices.Contains(a.AllowedScopes, ScopeOnce) {
		r.refuse(path+".always_prompt", "needs once among allowed_scopes: every call has its own yes")
	}
	if rest := messageField.ReplaceAllString(a.Message, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
		r.refuse(path+".message", "has {{ or }} that is no {{argument}}")
	}
	a.Approvers.check(r, path+".approvers", approvals)
}

func (a Approvers) check(r *report, path string, approvals Approvals) {
	notEmpty(r, path+".roles", a.Roles)
	notEmpty(r, path+".users", a.Users)
	for i, channel := range a.Channels {
		at := index(path+".channels", i)
		switch {
		case channel == ChannelPage:
			r.refuse(at, "page is where roles and users decide; it has no vote of its own")
		case channel != "" && !slices.Contains(approvals.Channels, channel):
			r.refuse(at, "%s is not among approvals.channels", channel)
		}
	}
	a.checkVotes(r, path)
}

// checkVotes refuses tools that nobody could ever approve, or whose approvers are
// not said.
func (a Approvers) checkVotes(r *report, path string) {
	named := len(a.Roles) + len(a.Users) + len(a.Channels)
	if named == 0 && a.Min > 1 {
		r.refuse(path+".min", "is over 1, and nobody but the person whose agent asks may decide: name roles, users or channels")
	}
	if named == 0 && !a.AllowSelf {
		r.refuse(path+".allow_self", "is false, and nobody else may decide: name roles, users or channels")
	}
	voters := len(slices.Compact(slices.Sorted(slices.Values(a.Users)))) + len(a.Channels)
	if named > 0 && len(a.Roles) == 0 && a.Min > voters {
		r.refuse(path+".min", "is over the %d who may decide", voters)
	}
}

func (c *Config) checkSites(r *report) {
	if c.Sites.DemoAllowAllIfNoClaims && !c.Loopback() {
		r.refuse("sites.demo_allow_all_if_no_claims", "is for demonstrations and refused on a listener that is not loopback (%s)", c.Server.Listen)
	}
}
