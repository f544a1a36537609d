package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

// where says what a command acts on: a running gateway, or the storage of a
// configuration file, also while its gateway runs.
type where struct {
	File string `short:"c" name:"config" placeholder:"FILE" type:"path" help:"Act on the storage of this configuration file."`
	URL  string `name:"url" placeholder:"URL" help:"Act on the gateway at this public_url (or OSTIARY_URL), with the operator token in OSTIARY_TOKEN."`
}

// storage opens the domain over the file's storage, calls f, and closes it.
// What is not there is made as making says.
func (w where) storage(p *program, making gateway.Making, f func(ctx context.Context, c *gateway.Core) error) (err error) {
	if w.File == "" {
		return usage(errors.New("say which storage: -c FILE"))
	}
	c, err := p.load(w.File)
	if err != nil {
		return usage(err)
	}
	core, err := gateway.OpenCore(p.ctx, c, making, p.logger(c.Logging))
	if err != nil {
		return opening(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), closing)
		defer cancel()
		err = errors.Join(err, core.Close(ctx))
	}()
	return f(p.ctx, core)
}

// closing bounds how long a command may take to write what it still owes.
const closing = 10 * time.Second

// act runs the one of two forms of a command that the flags ask for.
func (w where) act(p *program, onStorage func(context.Context, *gateway.Core) error, onGateway func(context.Context, *client) error) error {
	return w.actMaking(p, gateway.MakeNothing, onStorage, onGateway)
}

func (w where) actMaking(p *program, making gateway.Making, onStorage func(context.Context, *gateway.Core) error, onGateway func(context.Context, *client) error) error {
	if w.File != "" && w.URL != "" {
		return usage(errors.New("say either -c FILE, for a storage, or --url, for a running gateway"))
	}
	if w.File != "" {
		return w.storage(p, making, onStorage)
	}
	c, err := w.gateway(p)
	if err != nil {
		return err
	}
	return onGateway(p.ctx, c)
}

// about says what an error is about, where it does not.
func about(id string, err error) error {
	if err == nil || strings.Contains(err.Error(), id) {
		return err
	}
	return fmt.Errorf("%s: %w", visible(id), err)
}

func (w where) gateway(p *program) (*client, error) {
	remote := config.RemoteOf(w.URL, p.env)
	if remote.URL == "" {
		return nil, usage(errors.New("say where to act: -c FILE for a storage, or --url (OSTIARY_URL) for a running gateway"))
	}
	if u, err := url.Parse(remote.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage(fmt.Errorf("%q is no gateway's public_url: that is http:// or https:// and a host", remote.URL))
	}
	token := remote.Token.Reveal()
	if token == "" {
		return nil, usage(errors.New("set OSTIARY_TOKEN to an operator token; make one at " + remote.URL + "/account/operator"))
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, usage(errors.New("OSTIARY_TOKEN holds characters that no token has: a space, a line break"))
	}
	return newClient(remote), nil
}

// commandLine is who acts when a command works on storage: whoever can read
// the keyset.
var commandLine = audit.Actor{Subject: identity.CommandLine}

func (p *program) logger(c config.Logging) *slog.Logger {
	o := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == config.FormatJSON {
		return slog.New(slog.NewJSONHandler(p.stderr, o))
	}
	return slog.New(slog.NewTextHandler(p.stderr, o))
}

var levels = map[config.LogLevel]slog.Level{
	config.LevelDebug: slog.LevelDebug, config.LevelInfo: slog.LevelInfo,
	config.LevelWarn: slog.LevelWarn, config.LevelError: slog.LevelError,
}

func now() time.Time { return ostiary.SystemClock{}.Now() }
