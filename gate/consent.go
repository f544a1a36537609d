package gate

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
)

// Consent asks whether the tool is among those the person agreed to.
type Consent struct{ Rules *policy.Rules }

// Name implements ostiary.Gate.
func (Consent) Name() string { return "consent" }

// Check implements ostiary.Gate.
func (g Consent) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	switch {
	case c.Intent == ostiary.List:
		return ostiary.Passed(), nil
	case skipped(c): // nothing of it was agreed to, whatever the session says of all tools
		if g.Rules.Of(c.Tool).Category == ostiary.CategoryRead {
			return ostiary.Verdict{Effect: ostiary.Pass, Rule: skippedRule}, nil
		}
	case consented(c.Principal.Tools, c.Tool), g.shown(c):
		return ostiary.Passed(), nil
	}
	return ostiary.Verdict{
		Reason:  ostiary.ReasonToolNotConsented,
		Message: "The owner of this token did not agree to " + string(c.Tool.ID) + ".",
	}, nil
}

// shown says whether the tool's app was taken whole, when tools of its category
// were among those shown.
func (g Consent) shown(c *ostiary.Call) bool {
	categories, ok := c.Principal.Whole[c.Tool.App]
	return ok && slices.Contains(categories, g.Rules.Of(c.Tool).Category)
}

func consented(s ostiary.Selection, t *ostiary.Tool) bool {
	if s.All {
		return true
	}
	for _, id := range s.IDs {
		if id == string(t.ID) || isWhole(id, t.App) {
			return true
		}
	}
	return false
}

// isWhole says whether id is "app:*".
func isWhole(id, app string) bool {
	return len(id) == len(app)+2 && id[:len(app)] == app && id[len(app):] == ":*"
}
