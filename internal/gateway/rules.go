package gateway

import (
	"fmt"
	"sync/atomic"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/policy"
)

// Rules are what the operator says about tools now. They are safe for
// concurrent use.
type Rules struct{ now atomic.Pointer[policy.Rules] }

// Of returns the rule of a tool.
func (r *Rules) Of(t *ostiary.Tool) *policy.Rule { return r.now.Load().Of(t) }

// Scopes are those that the operator demands for tools now.
func (r *Rules) Scopes() []string { return r.now.Load().Scopes() }

// compileRules turns the groups tools, sites and roles into look-ups.
func compileRules(c *config.Config) (*policy.Rules, error) {
	rules := policy.Config{
		SiteField: c.Sites.SiteIDField, InferSite: c.Sites.InferFromSchema,
		DemoAllowAllSites: c.Sites.DemoAllowAllIfNoClaims, DefaultDeny: c.Roles.DefaultDeny,
	}
	for i, t := range c.Tools {
		rules.Entries = append(rules.Entries, ruleEntry(t, fmt.Sprintf("tools[%d] (%s)", i, t.Match)))
	}
	return policy.Compile(rules)
}

func ruleEntry(t config.ToolRule, source string) policy.Entry {
	e := policy.Entry{Match: string(t.Match), Scopes: t.Scopes, Source: source}
	category := t.Category
	if a := t.Approval; a != nil {
		e.Approval = approvalRule(*a)
		if category == "" {
			category = a.Category
		}
	}
	if parsed, ok := ostiary.ParseCategory(string(category)); ok {
		e.Category = &parsed
	}
	if a := t.Authorization; a != nil {
		e.Roles = &policy.Roles{Names: a.RequiredRoles, Any: a.Mode == config.RolesAny}
	}
	if s := t.Site; s != nil {
		e.Site = &policy.Site{Scoped: s.SiteScoped, AdminRequired: s.AdminRequired, Field: s.SiteIDField}
	}
	if r := t.RateLimit; r != nil {
		e.Rate = &policy.Rate{Per: policy.Per(r.Per), Calls: int64(r.Calls), Window: r.Window}
	}
	return e
}

func approvalRule(a config.Approval) *policy.Approval {
	rule := &policy.Approval{
		Required: a.Required, Skip: a.Skip, AlwaysPrompt: a.AlwaysPrompt,
		DefaultScope: string(a.DefaultScope), MaxTTL: a.MaxTTL, Risk: policy.Risk(a.RiskLevel), Message: a.Message,
		Approvers: policy.Approvers{Roles: a.Approvers.Roles, Users: a.Approvers.Users, Min: a.Approvers.Min, AllowSelf: a.Approvers.AllowSelf},
	}
	for _, s := range a.AllowedScopes {
		rule.Scopes = append(rule.Scopes, string(s))
	}
	for _, ch := range a.Approvers.Channels {
		rule.Approvers.Channels = append(rule.Approvers.Channels, string(ch))
	}
	return rule
}
