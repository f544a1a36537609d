package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/gateway"
)

// A revokeCommand ends everything of somebody or something.
type revokeCommand struct {
	where
	Subject string `placeholder:"ID" help:"Everything of this person."`
	Client  string `placeholder:"ID" help:"Everything that was given to this client."`
	Tenant  string `placeholder:"ID" help:"Everything of this tenant."`
	All     bool   `help:"Everything of everybody."`
}

func (c revokeCommand) Run(p *program) error {
	reach := identity.Reach{Subject: ostiary.Subject(c.Subject), Client: ostiary.ClientID(c.Client), Tenant: ostiary.Tenant(c.Tenant), All: c.All}
	if c.Client != "" && c.Tenant != "" || reach.Check() != nil {
		return usage(errors.New("say exactly one of --subject, --client, --tenant and --all"))
	}
	var ended struct {
		Revoked int `json:"revoked"`
	}
	err := c.act(p, func(ctx context.Context, core *gateway.Core) (err error) {
		ended.Revoked, err = core.RevokeEverything(ctx, reach, commandLine)
		return err
	}, func(ctx context.Context, g *client) error {
		in := map[string]any{"subject": c.Subject, "client": c.Client, "tenant": c.Tenant, "all": c.All}
		for name, value := range in {
			if value == "" || value == false {
				delete(in, name)
			}
		}
		return g.do(ctx, http.MethodPost, "/revoke", in, &ended)
	})
	if c.Subject != "" && isUnknown(err) {
		return fmt.Errorf("nobody of the id %q is known here: nothing of theirs was found to end", c.Subject)
	}
	if err == nil {
		p.say("%d tokens and agents ended, with every sign-in and yes", ended.Revoked)
	}
	return err
}

// isUnknown says whether there is no person, here or at the gateway.
func isUnknown(err error) bool {
	var there *refused
	return errors.Is(err, identity.ErrUserNotFound) || errors.As(err, &there) && there.status == http.StatusNotFound
}
