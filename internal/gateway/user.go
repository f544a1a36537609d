package gateway

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
)

// DeleteUser removes a person for good. First they are refused, so that a
// crash between the steps leaves nobody in; then what rests on their name
// ends; last their data key is destroyed.
func (c *Core) DeleteUser(ctx context.Context, id ostiary.Subject, by audit.Actor) error {
	if _, err := c.Users.Update(ctx, id, by, func(u *identity.User) { u.Disabled = true }); err != nil {
		return err
	}
	if _, err := c.Tokens.RevokeAll(ctx, id, "the account was deleted", by); err != nil {
		return fmt.Errorf("end the tokens of %q: %w", id, err)
	}
	if _, err := c.Sessions.RevokeReach(ctx, identity.Reach{Subject: id}, "the account was deleted", by); err != nil {
		return fmt.Errorf("end the sessions of the agents of %q: %w", id, err)
	}
	if err := c.Operators.RevokeAll(ctx, id); err != nil {
		return fmt.Errorf("end the operator tokens of %q: %w", id, err)
	}
	if err := c.Browsers.EndAll(ctx, id); err != nil {
		return fmt.Errorf("end the browser sessions of %q: %w", id, err)
	}
	return c.Users.Delete(ctx, id, by)
}
