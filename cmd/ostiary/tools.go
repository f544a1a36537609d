package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/gateway"
)

type toolCommands struct {
	List   toolList   `cmd:"" help:"List tools with the rules that hold for them."`
	Accept toolAccept `cmd:"" help:"Accept a pinned app's tool as it is now."`
}

type toolList struct {
	where
	Subject string `placeholder:"ID" help:"Only those that this person may know of."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c toolList) Run(p *program) error {
	var tools []gateway.Tool
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		if c.Subject != "" {
			return usage(fmt.Errorf("--subject needs a running gateway"))
		}
		return withCatalogue(ctx, core, func(v *gateway.Catalogue) error {
			tools = v.Tools()
			return nil
		})
	}, func(ctx context.Context, g *client) (err error) {
		query := url.Values{}
		if c.Subject != "" {
			query.Set("subject", c.Subject)
		}
		tools, err = list[gateway.Tool](ctx, g, "/tools", query)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, tools, "ID NAME CATEGORY APPROVAL SITE STATE", func(t gateway.Tool) []string {
		asks := t.Rule.Approval != nil && !t.Rule.Approval.Skip
		return []string{string(t.ID), t.Name, t.Rule.Category, yes(asks), yes(t.Rule.Site != nil), state(t)}
	})
}

// state tells what a pinned app's tool waits for.
func state(t gateway.Tool) string {
	switch {
	case !t.Pending:
		return "live"
	case t.Accepted == ostiary.Digest{}:
		return "new: waits to be accepted"
	default:
		return "changed: waits to be accepted"
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

type toolAccept struct {
	where
	ID     string `arg:"" help:"The tool's canonical id (app:tool)."`
	Digest string `placeholder:"sha256:…" help:"Accept this definition and no other: the digest that you looked at."`
}

func (c toolAccept) Run(p *program) error {
	var seen ostiary.Digest
	if err := seen.UnmarshalText([]byte(c.Digest)); err != nil {
		return usage(fmt.Errorf("--digest: %w", err))
	}
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		return withCatalogue(ctx, core, func(v *gateway.Catalogue) error {
			return v.Accept(ctx, ostiary.ToolID(c.ID), seen, commandLine)
		})
	}, func(ctx context.Context, g *client) error {
		query := url.Values{}
		if c.Digest != "" {
			query.Set("digest", c.Digest)
		}
		return g.do(ctx, http.MethodPost, "/tools/"+url.PathEscape(c.ID)+"/accept?"+query.Encode(), nil, nil)
	})
	if err == nil {
		p.say("%s accepted", visible(c.ID))
	}
	return about(c.ID, err)
}

// listing bounds how long a command waits for the apps' lists.
const listing = 30 * time.Second

// withCatalogue asks the apps what they offer, as a gateway does.
func withCatalogue(ctx context.Context, core *gateway.Core, f func(*gateway.Catalogue) error) error {
	ctx, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	v, err := gateway.OpenCatalogue(ctx, core)
	if err != nil {
		return unreachable(err)
	}
	defer v.Close()
	return f(v)
}
