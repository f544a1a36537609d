package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/gateway"
)

type clientCommands struct {
	List   clientList   `cmd:"" help:"List who may ask for tokens: the configuration's clients and those that registered."`
	Revoke clientRevoke `cmd:"" help:"Take a client away, and end everything that it was given."`
	GC     clientGC     `cmd:"" name:"gc" help:"Forget the clients that nobody used for too long. A running gateway does so by itself."`
}

// A clientView is a client as the API shows it.
type clientView struct {
	ID        ostiary.ClientID `json:"id"`
	Name      string           `json:"name"`
	Kind      string           `json:"kind"`
	Origin    string           `json:"origin"`
	Verified  bool             `json:"verified"`
	Redirects []string         `json:"redirect_uris"`
	Loopback  bool             `json:"loopback"`
	CreatedAt *time.Time       `json:"created_at,omitempty"`
	LastUsed  *time.Time       `json:"last_used_at,omitempty"`
}

type clientList struct {
	where
	JSON bool `name:"json" help:"Print JSON."`
}

func (c clientList) Run(p *program) error {
	var clients []clientView
	err := c.act(p, func(ctx context.Context, core *gateway.Core) (err error) {
		clients, err = storedClients(ctx, core)
		return err
	}, func(ctx context.Context, g *client) (err error) {
		clients, err = list[clientView](ctx, g, "/clients", nil)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, clients, "ID NAME KIND ORIGIN VERIFIED CREATED LAST-USED", func(v clientView) []string {
		verified := "no"
		if v.Verified {
			verified = "yes"
		}
		return []string{string(v.ID), v.Name, v.Kind, v.Origin, verified, whenOr(v.CreatedAt, "-"), whenOr(v.LastUsed, "-")}
	})
}

func storedClients(ctx context.Context, core *gateway.Core) ([]clientView, error) {
	var all []clientView
	for cursor := ""; ; {
		page, next, err := core.Clients.List(ctx, 200, cursor)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			all = append(all, clientView{
				c.ID, c.Name, string(c.Kind), string(c.Origin), c.Verified(), append([]string{}, c.Redirects.URIs...), c.Redirects.Loopback, pastOrNil(c.Created), pastOrNil(c.Used),
			})
		}
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}

type clientRevoke struct {
	where
	ID string `arg:"" help:"The client: cli_…, or the URL of its metadata document."`
}

func (c clientRevoke) Run(p *program) error {
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		return core.RemoveClient(ctx, ostiary.ClientID(c.ID), commandLine)
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodDelete, "/clients/"+url.PathEscape(c.ID), nil, nil)
	})
	if err == nil {
		p.say("%s is gone, and everything that it was given has ended", visible(c.ID))
	}
	return about(c.ID, err)
}

// pastOrNil is a moment; nil where it isn't known.
func pastOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type clientGC struct {
	File string `short:"c" name:"config" required:"" placeholder:"FILE" type:"path" help:"Act on the storage of this configuration file."`
}

func (c clientGC) Run(p *program) error {
	return where{File: c.File}.storage(p, gateway.MakeNothing, func(ctx context.Context, core *gateway.Core) error {
		n, err := core.Clients.Sweep(ctx)
		if err == nil {
			p.say("%d forgotten", n)
		}
		return err
	})
}
