package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/gateway"
)

type grantCommands struct {
	List   grantList   `cmd:"" help:"List grants and remembered denials."`
	Revoke grantRevoke `cmd:"" help:"Take a grant back, or lift a denial."`
}

type grantList struct {
	where
	Subject string `placeholder:"ID" help:"Only this person's."`
	Tool    string `placeholder:"APP:TOOL" help:"Only of this tool."`
	State   string `enum:",approved,denied,suspended,used,expired,revoked" default:"" help:"approved, denied, suspended, used, expired or revoked."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c grantList) Run(p *program) error {
	var grants []approval.Grant
	err := c.act(p, func(ctx context.Context, core *gateway.Core) (err error) {
		grants, err = c.stored(ctx, core)
		return err
	}, func(ctx context.Context, g *client) (err error) {
		query := url.Values{}
		for name, value := range map[string]string{"subject": c.Subject, "tool": c.Tool, "state": c.State} {
			if value != "" {
				query.Set(name, value)
			}
		}
		grants, err = list[approval.Grant](ctx, g, "/grants", query)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, grants, "ID STATE TOOL SUBJECT SCOPE SINCE ENDS BY", func(g approval.Grant) []string {
		return []string{g.ID, string(g.State), string(g.Tool), string(g.Subject), orDash(string(g.Scope)), when(g.GrantedAt), whenOr(g.ExpiresAt, "-"), g.GrantedBy.Identifier}
	})
}

// onStorage sees everything: whoever has the keyset does.
var onStorage = approval.Decider{Admin: true}

func (c grantList) stored(ctx context.Context, core *gateway.Core) ([]approval.Grant, error) {
	filter := approval.GrantFilter{Subject: ostiary.Subject(c.Subject), Tool: ostiary.ToolID(c.Tool), State: approval.State(c.State)}
	var all []approval.Grant
	for cursor := ""; ; {
		page, next, err := core.Approvals.Grants(ctx, onStorage, filter, 200, cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}

type grantRevoke struct {
	where
	ID     string `arg:"" help:"The grant (grt_…)."`
	Reason string `help:"Why."`
}

func (c grantRevoke) Run(p *program) error {
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		_, err := core.Approvals.Revoke(ctx, c.ID, approval.Revoker{Source: "admin", Identifier: string(identity.CommandLine), Method: "interactive"}, c.Reason)
		return err
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodDelete, "/grants/"+url.PathEscape(c.ID), nil, nil)
	})
	if err == nil {
		p.say("%s revoked", visible(c.ID))
	}
	return about(c.ID, err)
}
