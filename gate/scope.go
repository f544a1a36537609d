package gate

import (
	"context"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
)

// Scope asks whether the token's tier covers the tool's category, and its
// scopes those that the operator demands.
type Scope struct{ Rules *policy.Rules }

// Name implements ostiary.Gate.
func (Scope) Name() string { return "scope" }

// Check implements ostiary.Gate.
func (g Scope) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List {
		return ostiary.Passed(), nil
	}
	rule, p := g.Rules.Of(c.Tool), c.Principal
	if tier := p.TierIn(c.Tool.App); !tier.Reaches(rule.Category) {
		return missing(c, rule, "the tier "+tier.String()+" does not reach category "+rule.Category.String(), policy.GroupCategory), nil
	}
	for _, scope := range rule.Scopes {
		if !holds(p, c.Tool.App, scope) {
			return missing(c, rule, "the scope "+scope+" is missing", policy.GroupScopes), nil
		}
	}
	return ostiary.Passed(), nil
}

// holds says whether a scope is held for a tool of an app. A tier on all apps
// that a rule demands is one on the tool's own.
func holds(p *ostiary.Principal, app, scope string) bool {
	name, isMCP := strings.CutPrefix(scope, "mcp:")
	tier, isTier := ostiary.ParseTier(name)
	return p.HasScope(scope) || isMCP && isTier && p.TierIn(app) >= tier
}

// missing names all scopes that the call needs, those already held included:
// clients ask for exactly what a challenge lists.
func missing(c *ostiary.Call, rule *policy.Rule, why string, group policy.Group) ostiary.Verdict {
	holder := "the token holds"
	if c.Principal.Anonymous {
		holder = "a caller without a token may do here"
	}
	need := []string{tierScope(c.Principal, c.Tool.App, tierFor(rule.Category))}
	for _, scope := range rule.Scopes {
		if !slices.Contains(need, scope) {
			need = append(need, scope)
		}
	}
	return ostiary.Verdict{
		Reason:  ostiary.ReasonInsufficientScope,
		Message: "This call needs more than " + holder + ": " + why + ".",
		Rule:    rule.Source(group),
		Step:    &ostiary.Step{Kind: ostiary.StepWiden, Scopes: need},
	}
}

// tierScope names a tier as the principal can have it: on all apps or, where it
// was given scopes of single apps, on this one.
func tierScope(p *ostiary.Principal, app string, t ostiary.Tier) string {
	onAll := func(scope string) bool { return strings.HasPrefix(scope, "mcp:") }
	if len(p.Scopes) > 0 && !slices.ContainsFunc(p.Scopes, onAll) {
		return app + ":" + t.String()
	}
	return "mcp:" + t.String()
}

func tierFor(c ostiary.Category) ostiary.Tier {
	for _, t := range []ostiary.Tier{ostiary.TierRead, ostiary.TierWrite} {
		if t.Reaches(c) {
			return t
		}
	}
	return ostiary.TierAdmin
}
