package gate

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
)

// Role asks whether the caller's roles reach the tool. Who is not reached
// does not learn that the tool exists.
type Role struct{ Rules *policy.Rules }

// Name implements ostiary.Gate.
func (Role) Name() string { return "role" }

// Check implements ostiary.Gate.
func (g Role) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	rule := g.Rules.Of(c.Tool)
	if rule.Hidden {
		return ostiary.Verdict{Reason: ostiary.ReasonRoleRequired, Hides: true, Rule: "roles.default_deny: no rule names the tool"}, nil
	}
	if reaches(rule.Roles, c.Principal.Roles) {
		return ostiary.Passed(), nil
	}
	return ostiary.Verdict{Reason: ostiary.ReasonRoleRequired, Hides: true, Rule: rule.Source(policy.GroupRoles)}, nil
}

func reaches(want policy.Roles, have []string) bool {
	has := func(role string) bool { return slices.Contains(have, role) }
	if want.Any {
		return len(want.Names) == 0 || slices.ContainsFunc(want.Names, has)
	}
	return !slices.ContainsFunc(want.Names, func(role string) bool { return !has(role) })
}
