package gate

import (
	"bytes"
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
	if rule.Site.Everywhere && !allowedEverywhere(c, rule) {
		return siteVerdict(rule, ostiary.ReasonSiteNotAllowed, "Every argument that is named like "+rule.SitePath[len(rule.SitePath)-1]+
			" must be a site that you may act in."), nil
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

// allowedEverywhere looks at all arguments, however deep, that bear the name of
// the site field in any spelling.
func allowedEverywhere(c *ostiary.Call, rule *policy.Rule) bool {
	d := json.NewDecoder(bytes.NewReader(c.Arguments.Raw))
	d.UseNumber()
	var arguments any
	return d.Decode(&arguments) == nil && allowedBelow(c.Principal, rule, arguments)
}

func allowedBelow(p *ostiary.Principal, rule *policy.Rule, value any) bool {
	switch value := value.(type) {
	case []any:
		return !slices.ContainsFunc(value, func(v any) bool { return !allowedBelow(p, rule, v) })
	case map[string]any:
		for name, v := range value {
			if ostiary.SameName(name, rule.SitePath[len(rule.SitePath)-1]) {
				if site, ok := v.(string); !ok || site == "" || !allowed(p, rule.Site, []byte(site)) {
					return false
				}
			}
			if !allowedBelow(p, rule, v) {
				return false
			}
		}
	}
	return true
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
