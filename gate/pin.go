package gate

import (
	"context"

	"github.com/ostiary/ostiary"
)

// Pin asks whether the definition of a pinned app's tool is the one that an
// operator accepted. A new tool is hidden until then; a changed one is shown
// as it was accepted, and not called.
type Pin struct{}

// Name implements ostiary.Gate.
func (Pin) Name() string { return "pin" }

// Check implements ostiary.Gate.
func (Pin) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	t := c.Tool
	switch {
	case !t.Pinned:
		return ostiary.Passed(), nil
	case t.Accepted == ostiary.Digest{}:
		return ostiary.Verdict{Reason: ostiary.ReasonToolChanged, Hides: true, Rule: "apps[].pin: a new tool waits for `ostiary tools accept`"}, nil
	case t.Accepted == t.Digest, c.Intent == ostiary.List:
		return ostiary.Passed(), nil
	}
	return ostiary.Verdict{
		Reason:  ostiary.ReasonToolChanged,
		Message: "The definition of " + string(t.ID) + " has changed since an operator accepted it. An operator has to accept it again.",
		Rule:    "apps[].pin: the changed tool waits for `ostiary tools accept`",
	}, nil
}
