package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
)

// directory is the people and the machine clients of the configuration file. A
// password in the clear is hashed at start; config refuses one off loopback.
func directory(c config.Auth) []identity.User {
	var users []identity.User
	for _, u := range c.Users {
		hash := u.PasswordHash.Reveal()
		if u.Password != "" {
			hash = identity.HashPassword(u.Password)
		}
		users = append(users, identity.User{
			ID: ostiary.Subject(u.ID), Email: u.Email, PasswordHash: hash, Admin: u.Admin, Claims: u.Claims,
		})
	}
	for _, m := range c.Clients {
		if m.Kind == config.ClientMachine {
			users = append(users, identity.User{ID: ostiary.Subject(m.ID), Machine: true, Scopes: m.Scopes, Claims: m.Claims})
		}
	}
	return users
}

// checkMachines refuses machine clients that have the id of a person of
// storage: they would be one subject, with one set of approvals.
func (c *Core) checkMachines(ctx context.Context) error {
	var all []error
	for i, m := range c.Config.Auth.Clients {
		if m.Kind != config.ClientMachine {
			continue
		}
		user, err := c.Users.Get(ctx, ostiary.Subject(m.ID))
		if err != nil {
			return err
		}
		if !user.Machine {
			all = append(all, fmt.Errorf("auth.clients[%d].id: %q is a person's here: give the client another id, or delete the person first (`ostiary users delete`)", i, m.ID))
		}
	}
	return errors.Join(all...)
}

// anonymous is what callers without a token get: nothing, unless the mode is
// public.
func anonymous(c config.Auth) *identity.Anonymous {
	if c.Mode != config.ModePublic {
		return nil
	}
	return &identity.Anonymous{Scopes: c.Anonymous.Scopes, Apps: ostiary.Selection{IDs: c.Anonymous.Apps}}
}

func personalConfig(c config.Auth) identity.PersonalConfig {
	return identity.PersonalConfig{DefaultTTL: c.Personal.DefaultTTL, MaxTTL: c.Personal.MaxTTL, AllowEndless: c.Personal.AllowEndless, Admins: identity.Admins(c.Admins)}
}

// decider is what somebody may decide now; the zero Decider for who is
// disabled or gone.
func (c *Core) decider(ctx context.Context, id ostiary.Subject) (approval.Decider, error) {
	user, err := c.Users.Get(ctx, id)
	if errors.Is(err, identity.ErrUserNotFound) || err == nil && (user.Disabled || user.Machine) {
		return approval.Decider{}, nil
	}
	if err != nil {
		return approval.Decider{}, err
	}
	return approval.Decider{Subject: user.ID, Tenant: c.Users.Tenant(user), Roles: c.Users.Roles(user)}, nil
}
