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
	List   toolList   `cmd:"" help:"List tools with the rules that hold for them, and what was left out."`
	Accept toolAccept `cmd:"" help:"Accept a pinned app's tool as it is now."`
}

type toolList struct {
	where
	Subject string `placeholder:"ID" xor:"which" help:"Only those that this person may know of."`
	LeftOut bool   `xor:"which" help:"Only what apps offer and was left out: of bad form, or under a name that is not its alone."`
	JSON    bool   `name:"json" help:"Print JSON; what was left out only with --left-out."`
}

func (c toolList) Run(p *program) error {
	var tools []gateway.Tool
	var leftOut []gateway.LeftOut
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		if c.Subject != "" {
			return usage(fmt.Errorf("--subject needs a running gateway"))
		}
		return withCatalogue(ctx, core, func(v *gateway.Catalogue) error {
			tools, leftOut = v.Tools(), v.LeftOut()
			return nil
		})
	}, func(ctx context.Context, g *client) (err error) {
		if tools, err = list[gateway.Tool](ctx, g, "/tools", c.query()); err == nil && c.Subject == "" {
			leftOut, err = list[gateway.LeftOut](ctx, g, "/tools/left-out", nil)
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.LeftOut {
		return printItems(p, c.JSON, leftOut, "APP NAME WHY", func(l gateway.LeftOut) []string { return []string{l.App, l.Name, l.Why} })
	}
	if c.JSON {
		return printItems(p, true, tools, "", nil)
	}
	return printTable(p.stdout, "ID NAME CATEGORY APPROVAL SITE STATE", rows(tools, leftOut))
}

func (c toolList) query() url.Values {
	if c.Subject == "" {
		return nil
	}
	return url.Values{"subject": {c.Subject}}
}

// rows are the tools, and below them what was left out.
func rows(tools []gateway.Tool, leftOut []gateway.LeftOut) (rows [][]string) {
	for _, t := range tools {
		asks := t.Rule.Approval != nil && !t.Rule.Approval.Skip
		rows = append(rows, []string{string(t.ID), t.Name, t.Rule.Category, yes(asks), yes(t.Rule.Site != nil), state(t)})
	}
	for _, l := range leftOut {
		rows = append(rows, []string{string(ostiary.MakeToolID(l.App, l.Name)), "-", "-", "-", "-", "left out: " + l.Why})
	}
	return rows
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
