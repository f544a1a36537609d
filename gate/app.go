package gate

import (
	"context"

	"github.com/ostiary/ostiary"
)

// App asks whether the person has opened the tool's app for this agent.
type App struct{}

// skippedRule lets read tools of a skipped app run.
const skippedRule = "auth.incremental.skipped_app: anonymous"

// skipped says whether a call has its app only by that rule.
func skipped(c *ostiary.Call) bool {
	p := c.Principal
	return p.Skipped.Has(c.Tool.App) && !p.Apps.Has(c.Tool.App)
}

// Name implements ostiary.Gate.
func (App) Name() string { return "app" }

// Check implements ostiary.Gate.
func (App) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	switch {
	case c.Intent == ostiary.List, c.Principal.Apps.Has(c.Tool.App):
		return ostiary.Passed(), nil
	case c.Principal.Skipped.Has(c.Tool.App):
		return ostiary.Verdict{Effect: ostiary.Pass, Rule: skippedRule}, nil // as far as Consent lets it
	}
	message := "The app " + c.Tool.App + " is not open for this token: its owner has to open it."
	if c.Principal.Anonymous {
		message = "The app " + c.Tool.App + " is not open without a token: sign in to make one."
	}
	return ostiary.Verdict{Reason: ostiary.ReasonAuthorizationRequired, Message: message}, nil
}
