package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type userCommands struct {
	Add     userAdd     `cmd:"" help:"Add a person; asks for their password. With -c, makes a storage that was never used: a SQLite database when its keyset isn't there either, or the schema on a server."`
	List    userList    `cmd:"" help:"List people."`
	Passwd  userPasswd  `cmd:"" help:"Set a person's password; asks for it."`
	Disable userDisable `cmd:"" help:"Refuse a person and everything in their name, or with --undo let them back in."`
	Delete  userDelete  `cmd:"" help:"Delete a person and destroy the keys to what was kept for them."`
	Hash    userHash    `cmd:"" help:"Print the hash of a password, for the configuration file."`
}

// A userView is a person as the API shows them.
type userView struct {
	ID         string         `json:"id"`
	Email      string         `json:"email,omitempty"`
	Admin      bool           `json:"admin"`
	Disabled   bool           `json:"disabled"`
	Configured bool           `json:"configured"`
	Claims     map[string]any `json:"claims,omitempty"`
}

func viewUser(u identity.User) userView {
	return userView{string(u.ID), u.Email, u.Admin, u.Disabled, u.Configured, u.Claims}
}

type userAdd struct {
	where
	ID         string `arg:"" help:"The subject."`
	Email      string `help:"Their address."`
	Admin      bool   `help:"Make them an operator."`
	Claims     string `placeholder:"JSON" help:"What is said of them, like {\"tenant\":\"acme\",\"sites\":[\"site-A\"],\"roles\":[\"manager\"]}."`
	NoPassword bool   `name:"no-password" help:"Don't ask for a password: they can't sign in here."`
}

func (c userAdd) Run(p *program) error {
	var claims identity.Claims
	if c.Claims != "" {
		if err := json.Unmarshal([]byte(c.Claims), &claims); err != nil {
			return usage(fmt.Errorf("--claims is no JSON object: %w", err))
		}
	}
	if err := errors.Join(identity.CheckUserID(ostiary.Subject(c.ID)), identity.CheckEmail(c.Email)); err != nil {
		return err // before the password is asked for
	}
	password, err := p.newPassword(c.NoPassword)
	if err != nil {
		return err
	}
	err = c.actMaking(p, gateway.MakeFirst, func(ctx context.Context, core *gateway.Core) error {
		u := identity.User{ID: ostiary.Subject(c.ID), Email: c.Email, Admin: c.Admin, Claims: claims}
		if password != "" {
			u.PasswordHash = identity.HashPassword(password)
		}
		return core.Users.Create(ctx, u, commandLine)
	}, func(ctx context.Context, g *client) error {
		in := map[string]any{"id": c.ID, "email": c.Email, "admin": c.Admin, "claims": claims}
		if password != "" {
			in["password"] = password.Reveal()
		}
		return g.do(ctx, http.MethodPost, "/users", in, nil)
	})
	if err == nil {
		p.say("%s added", visible(c.ID))
	}
	return about(c.ID, err)
}

type userList struct {
	where
	JSON bool `name:"json" help:"Print JSON."`
}

func (c userList) Run(p *program) error {
	var users []userView
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		all, err := core.Users.List(ctx)
		for _, u := range all {
			users = append(users, viewUser(u))
		}
		return err
	}, func(ctx context.Context, g *client) (err error) {
		users, err = list[userView](ctx, g, "/users", nil)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, users, "ID EMAIL OPERATOR DISABLED FROM", func(u userView) []string {
		return []string{u.ID, orDash(u.Email), strconv.FormatBool(u.Admin), strconv.FormatBool(u.Disabled), from(u)}
	})
}

func from(u userView) string {
	if u.Configured {
		return "configuration"
	}
	return "storage"
}

type userPasswd struct {
	where
	ID string `arg:"" help:"The subject."`
}

func (c userPasswd) Run(p *program) error {
	if err := c.inFile(p); err != nil {
		return err
	}
	password, err := p.newPassword(false)
	if err != nil {
		return err
	}
	err = c.change(p, c.ID, "password changed", map[string]any{"password": password.Reveal()}, func(u *identity.User) {
		u.PasswordHash = identity.HashPassword(password)
	})
	var r *refused
	if errors.As(err, &r) && r.code == "configured" {
		return c.toHash()
	}
	return err
}

// inFile says, before a password is asked for, of whom none can be set.
func (c userPasswd) inFile(p *program) error {
	if c.File == "" {
		return nil // the gateway will say it
	}
	conf, err := config.Load(c.File, p.env)
	if err != nil {
		return usage(err)
	}
	if slices.ContainsFunc(conf.Auth.Users, func(u config.User) bool { return u.ID == c.ID }) {
		return c.toHash()
	}
	return nil
}

func (c userPasswd) toHash() error {
	return fmt.Errorf("%w: run `ostiary users hash` and make what it prints the password_hash of %s", identity.ErrUserConfigured, c.ID)
}

type userDisable struct {
	where
	ID   string `arg:"" help:"The subject."`
	Undo bool   `help:"Let them back in."`
}

func (c userDisable) Run(p *program) error {
	done := "disabled: every call in their name is refused from now on"
	if c.Undo {
		done = "enabled"
	}
	return c.change(p, c.ID, done, map[string]any{"disabled": !c.Undo}, func(u *identity.User) { u.Disabled = !c.Undo })
}

func (w where) change(p *program, id, done string, in map[string]any, edit func(*identity.User)) error {
	err := w.act(p, func(ctx context.Context, core *gateway.Core) error {
		_, err := core.Users.Update(ctx, ostiary.Subject(id), commandLine, edit)
		return err
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodPatch, "/users/"+url.PathEscape(id), in, nil)
	})
	if err == nil {
		p.say("%s %s", visible(id), done)
	}
	return about(id, err)
}

type userDelete struct {
	where
	ID  string `arg:"" help:"The subject."`
	Yes bool   `help:"Don't ask."`
}

func (c userDelete) Run(p *program) error {
	if !c.Yes && !p.confirm(fmt.Sprintf("Delete %s? What was kept for them can never be read again.", visible(c.ID))) {
		return errors.New("nothing was deleted")
	}
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		return core.DeleteUser(ctx, ostiary.Subject(c.ID), commandLine)
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodDelete, "/users/"+url.PathEscape(c.ID), nil, nil)
	})
	if err == nil {
		p.say("%s deleted", visible(c.ID))
	}
	return about(c.ID, err)
}

type userHash struct{}

func (userHash) Run(p *program) error {
	password, err := p.newPassword(false)
	if err != nil {
		return err
	}
	p.say("%s", identity.HashPassword(password))
	return nil
}
