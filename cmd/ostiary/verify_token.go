package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type tokenVerify struct {
	File  string `short:"c" name:"config" placeholder:"FILE" type:"path" help:"Look it up in the storage of this configuration file."`
	URL   string `name:"url" placeholder:"URL" help:"Present it to the gateway at this public_url (or OSTIARY_URL), as an agent would."`
	Token string `arg:"" help:"The token; - reads it from standard input, where no list of processes shows it."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run says whether a personal token is good: by the storage, which knows why
// it is not; or else by a gateway, which only takes it or does not. Exit code
// 1: it is not good.
func (c tokenVerify) Run(p *program) error {
	text, err := c.read(p.stdin)
	if err != nil {
		return err
	}
	if err := identity.Malformed(text, identity.KindPersonal); err != nil {
		return fmt.Errorf("not good: %w", err)
	}
	if c.File != "" {
		return where{File: c.File}.storage(p, gateway.MakeNothing, func(ctx context.Context, core *gateway.Core) error {
			return c.lookUp(ctx, p, core, text)
		})
	}
	return c.present(p, text)
}

func (c tokenVerify) read(in io.Reader) (string, error) {
	if c.Token != "-" {
		return c.Token, nil
	}
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return "", usage(errors.New("there is no token on standard input"))
	}
	return strings.TrimSpace(lines.Text()), nil
}

// A verdict is what is known of a token.
type verdict struct {
	Good bool       `json:"good"`
	Why  string     `json:"why,omitempty"`
	Of   *tokenView `json:"token,omitempty"`
}

func (c tokenVerify) lookUp(ctx context.Context, p *program, core *gateway.Core, text string) error {
	r := identity.NewResolver(core.Tokens, identity.Admins(core.Config.Auth.Admins), nil)
	t, why, err := r.Inspect(ctx, text)
	switch {
	case errors.Is(err, identity.ErrTokenNotFound):
		return c.say(p, verdict{Why: "unknown"}, nil)
	case err != nil:
		return err
	}
	view := viewToken(t, time.Time{})
	return c.say(p, verdict{Good: why == "", Why: why, Of: &view}, t.CIDRs)
}

// say prints what is known, and is an error where the token is not good.
func (c tokenVerify) say(p *program, v verdict, cidrs []netip.Prefix) error {
	if c.JSON {
		if err := printJSON(p.stdout, v); err != nil {
			return err
		}
	}
	if !v.Good {
		return fmt.Errorf("not good: %s", v.words())
	}
	if !c.JSON {
		p.say("good: %s", v.words())
		if len(cidrs) > 0 {
			p.say("only from %s", strings.Trim(fmt.Sprint(cidrs), "[]"))
		}
	}
	return nil
}

func (v verdict) words() string {
	if v.Of == nil {
		return strings.ReplaceAll(v.Why, "_", " ")
	}
	of := fmt.Sprintf("%s of %s, tier %s, until %s", v.Of.ID, visible(v.Of.Subject), v.Of.Tier, whenOr(v.Of.ExpiresAt, "it is revoked"))
	if v.Good {
		return of
	}
	if v.Of.RevokedAt != nil {
		return of + ": revoked: " + visible(v.Of.Reason)
	}
	return of + ": " + strings.ReplaceAll(v.Why, "_", " ")
}

// question is a request of an agent that changes nothing.
const question = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"ostiary","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`

// present asks a gateway as an agent would.
func (c tokenVerify) present(p *program, text string) error {
	remote := config.RemoteOf(c.URL, p.env)
	remote.Token = ostiary.Secret(text)
	if remote.URL == "" {
		return usage(errors.New("say where to look: -c FILE for a storage, or --url (OSTIARY_URL) for a running gateway"))
	}
	g := newClient(remote)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.remote.URL+"/mcp", strings.NewReader(question))
	if err != nil {
		return usage(err)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + text, "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Method": "server/discover", "Mcp-Protocol-Version": "2026-07-28", "User-Agent": gateway.TerminalAgent(),
	} {
		r.Header.Set(name, value)
	}
	answer, err := g.http.Do(r)
	if err != nil {
		return unreachable(fmt.Errorf("reach the gateway: %w", err))
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return c.say(p, verdict{Good: true, Why: "the gateway takes it"}, nil)
	case http.StatusUnauthorized:
		return c.say(p, verdict{Why: "the gateway refuses it; -c FILE says why"}, nil)
	default:
		return unreachable(fmt.Errorf("the gateway answered %s (is that a gateway?)", answer.Status))
	}
}
