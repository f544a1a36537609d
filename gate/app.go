package gate

import (
	"context"

	"github.com/ostiary/ostiary"
)

// App asks whether the person has opened the tool's app for this agent.
type App struct{}

// Name implements ostiary.Gate.
func (App) Name() string { return "app" }

// Check implements ostiary.Gate.
func (App) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List || c.Principal.Apps.Has(c.Tool.App) {
		return ostiary.Passed(), nil
	}
	return ostiary.Verdict{
		Reason:  ostiary.ReasonAuthorizationRequired,
		Message: "The app " + c.Tool.App + " is not open for this token: its owner has to open it.",
	}, nil
}
