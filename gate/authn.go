package gate

import (
	"context"

	"github.com/ostiary/ostiary"
)

// Authn asks whether somebody is there, with a token for this resource.
type Authn struct{}

// Name implements ostiary.Gate.
func (Authn) Name() string { return "authn" }

// Check implements ostiary.Gate.
func (Authn) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	p := c.Principal
	switch {
	case p == nil, p.Subject == "" && !p.Anonymous:
		return ostiary.Verdict{Reason: ostiary.ReasonUnauthenticated, Message: "Sign in first: this call carries no valid token."}, nil
	case !p.For(c.Resource):
		return ostiary.Verdict{Reason: ostiary.ReasonUnauthenticated, Message: "This token is for another resource."}, nil
	}
	return ostiary.Passed(), nil
}
