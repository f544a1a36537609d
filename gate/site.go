package gate

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
)

// Site asks whether the caller may act in the site that the call names, and
// whether the tool wants an administrator. Whether a tool is site-scoped is
// the operator's word or its schema's, never what one call happens to hold.
type Site struct{ Rules *policy.Rules }

// Name implements ostiary.Gate.
func (Site) Name() string { return "site" }

// Check implements ostiary.Gate.
func (g Site) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List {
		return ostiary.Passed(), nil
	}
	rule := g.Rules.Of(c.Tool)
	if rule.Site.AdminRequired && !isAdmin(c.Principal) {
		return siteVerdict(rule, ostiary.ReasonAdminRequired, "Only an administrator may use this tool."), nil
	}
	if !rule.Site.Scoped {
		return ostiary.Passed(), nil
	}
	site, ok := siteOf(c, rule)
	if !ok {
		return siteVerdict(rule, ostiary.ReasonSiteRequired, "This tool acts in one site: give the argument "+rule.Site.Field+" as a non-empty string."), nil
	}
	if !allowed(c.Principal, rule.Site, site) {
		return siteVerdict(rule, ostiary.ReasonSiteNotAllowed, "You may not act in the site that "+rule.Site.Field+" names."), nil
	}
	return ostiary.Passed(), nil
}

func siteVerdict(rule *policy.Rule, reason ostiary.Reason, message string) ostiary.Verdict {
	return ostiary.Verdict{Reason: reason, Message: message, Rule: rule.Source(policy.GroupSite)}
}

// siteOf reads the site of a call. Only a non-empty JSON string is one. It
// stays bytes, so that to compare it costs nothing.
func siteOf(c *ostiary.Call, rule *policy.Rule) (site []byte, ok bool) {
	span, ok := c.Arguments.Member(rule.SitePath...)
	if !ok || len(span) < 2 || span[0] != '"' {
		return nil, false
	}
	if plain := span[1 : len(span)-1]; !slices.Contains(plain, '\\') {
		return plain, len(plain) > 0
	}
	var s string
	if err := json.Unmarshal(span, &s); err != nil {
		return nil, false
	}
	return []byte(s), s != ""
}

func allowed(p *ostiary.Principal, rule policy.SiteRule, site []byte) bool {
	for _, s := range p.Sites {
		if string(s) == string(site) {
			return true
		}
	}
	return rule.AllowAll && p.Sites == nil
}

func isAdmin(p *ostiary.Principal) bool {
	return p.Admin || slices.ContainsFunc(p.Roles, func(role string) bool {
		return role == "admin" || role == "owner" || role == "superadmin"
	})
}
