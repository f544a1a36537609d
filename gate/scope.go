package gate

import (
	"context"

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
	if !p.Tier.Reaches(rule.Category) {
		return missing(p, rule, "the tier "+p.Tier.String()+" does not reach category "+rule.Category.String(), policy.GroupCategory), nil
	}
	for _, scope := range rule.Scopes {
		if !p.HasScope(scope) {
			return missing(p, rule, "the scope "+scope+" is missing", policy.GroupScopes), nil
		}
	}
	return ostiary.Passed(), nil
}

// missing names all scopes that the call needs, those already held included:
// clients ask for exactly what a challenge lists.
func missing(p *ostiary.Principal, rule *policy.Rule, why string, group policy.Group) ostiary.Verdict {
	holder := "the token holds"
	if p.Anonymous {
		holder = "a caller without a token may do here"
	}
	need := append([]string{"mcp:" + tierFor(rule.Category).String()}, rule.Scopes...)
	return ostiary.Verdict{
		Reason:  ostiary.ReasonInsufficientScope,
		Message: "This call needs more than " + holder + ": " + why + ".",
		Rule:    rule.Source(group),
		Step:    &ostiary.Step{Kind: ostiary.StepWiden, Scopes: need},
	}
}

func tierFor(c ostiary.Category) ostiary.Tier {
	for _, t := range []ostiary.Tier{ostiary.TierRead, ostiary.TierWrite} {
		if t.Reaches(c) {
			return t
		}
	}
	return ostiary.TierAdmin
}
