package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/gateway"
)

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Make a personal access token; it is printed this once."`
	List   tokenList   `cmd:"" help:"List tokens."`
	Revoke tokenRevoke `cmd:"" help:"End a token. The next call with it is refused."`
	Rotate tokenRotate `cmd:"" help:"Give a token a new value; the old one is dead at once."`
	Verify tokenVerify `cmd:"" help:"Say whether a token is good, and with -c why it is not."`
}

type tokenCreate struct {
	File    string   `short:"c" name:"config" placeholder:"FILE" type:"path" required:"" help:"The configuration file whose storage to act on. A storage that was never used is made: a SQLite database when its keyset isn't there either, or the schema on a server."`
	Subject string   `required:"" placeholder:"ID" help:"Whose token."`
	Name    string   `required:"" placeholder:"N" help:"What they call it; unique among their tokens."`
	Tier    string   `required:"" enum:"read,write,admin" help:"read, write or admin."`
	Apps    string   `placeholder:"a,b|all" help:"Apps that it opens. None when left out."`
	Tools   string   `placeholder:"a:x,b:*|all" help:"Tools that it reaches, by canonical id. None when left out."`
	Sites   string   `placeholder:"a,b|all" help:"Sites that it reaches. None when left out."`
	TTL     string   `placeholder:"24h|none" help:"How long it lives; left out, the configured default."`
	CIDRs   []string `name:"cidrs" placeholder:"CIDR" help:"Addresses that it is good from; everywhere when left out."`
	JSON    bool     `name:"json" help:"Print {id, token, expires_at}."`
}

func (c tokenCreate) Run(p *program) error {
	spec, err := c.spec()
	if err != nil {
		return usage(err)
	}
	return where{File: c.File}.storage(p, gateway.MakeFirst, func(ctx context.Context, core *gateway.Core) error {
		isApp := func(id string) bool { _, ok := core.Config.App(id); return ok }
		if err := spec.CheckNames(isApp); err != nil {
			return usage(fmt.Errorf("--%w", err))
		}
		owner, err := core.Users.Get(ctx, ostiary.Subject(c.Subject))
		if err != nil {
			return err
		}
		t, secret, err := core.Tokens.Create(ctx, owner, spec, commandLine)
		if err != nil {
			return err
		}
		return p.made(t, secret, c.JSON)
	})
}

func (c tokenCreate) spec() (identity.PersonalSpec, error) {
	tier, _ := ostiary.ParseTier(c.Tier)
	spec := identity.PersonalSpec{Name: c.Name, Tier: tier, Apps: selection(c.Apps), Tools: selection(c.Tools), Sites: selection(c.Sites)}
	switch c.TTL {
	case "":
	case "none":
		spec.Endless = true
	default:
		ttl, err := time.ParseDuration(c.TTL)
		if err != nil || ttl <= 0 {
			return spec, fmt.Errorf("--ttl %q is no duration above zero (like 24h) and not none", c.TTL)
		}
		spec.TTL = ttl
	}
	for _, text := range c.CIDRs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return spec, fmt.Errorf("--cidrs: %w", err)
		}
		spec.CIDRs = append(spec.CIDRs, prefix)
	}
	return spec, nil
}

// selection reads "all" or a list; "" is none.
func selection(text string) ostiary.Selection {
	if text == "all" {
		return ostiary.Selection{All: true}
	}
	var s ostiary.Selection
	for id := range strings.SplitSeq(text, ",") {
		if id = strings.TrimSpace(id); id != "" {
			s.IDs = append(s.IDs, id)
		}
	}
	return s
}

func (p *program) made(t identity.Personal, secret ostiary.Secret, asJSON bool) error {
	if asJSON {
		return printJSON(p.stdout, map[string]any{"id": t.ID, "token": secret.Reveal(), "expires_at": t.Expires})
	}
	p.say("%s", secret.Reveal())
	fmt.Fprintf(p.stderr, "Token %s of %s, tier %s, until %s. It is not shown again.\n", t.ID, visible(string(t.Owner)), t.Tier, whenOr(t.Expires, "it is revoked"))
	return nil
}

// A tokenView is a token as the API shows it.
type tokenView struct {
	ID        string     `json:"id"`
	Subject   string     `json:"subject"`
	Name      string     `json:"name"`
	Hint      string     `json:"hint"`
	Tier      string     `json:"tier"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	LastUsed  *time.Time `json:"last_used_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Reason    string     `json:"revocation_reason,omitempty"`
}

type tokenList struct {
	where
	Subject string `placeholder:"ID" help:"Only this person's."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c tokenList) Run(p *program) error {
	var tokens []tokenView
	err := c.act(p, func(ctx context.Context, core *gateway.Core) (err error) {
		tokens, err = storedTokens(ctx, core, ostiary.Subject(c.Subject))
		return err
	}, func(ctx context.Context, g *client) (err error) {
		query := url.Values{}
		if c.Subject != "" {
			query.Set("subject", c.Subject)
		}
		tokens, err = list[tokenView](ctx, g, "/tokens", query)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, tokens, "ID SUBJECT NAME HINT TIER EXPIRES LAST-USED STATE", func(t tokenView) []string {
		return []string{t.ID, t.Subject, t.Name, t.Hint, t.Tier, whenOr(t.ExpiresAt, "never"), whenOr(t.LastUsed, "-"), t.state()}
	})
}

func (t tokenView) state() string {
	switch {
	case t.RevokedAt != nil:
		return "revoked: " + t.Reason
	case t.ExpiresAt != nil && !now().Before(*t.ExpiresAt):
		return "expired"
	default:
		return "live"
	}
}

func storedTokens(ctx context.Context, core *gateway.Core, subject ostiary.Subject) ([]tokenView, error) {
	var out []tokenView
	for cursor := ""; ; {
		page, next, err := core.Tokens.List(ctx, subject, 200, cursor)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			used, err := core.Tokens.LastUsed(ctx, t)
			if err != nil {
				return nil, err
			}
			out = append(out, viewToken(t, used))
		}
		if next == "" {
			return out, nil
		}
		cursor = next
	}
}

func viewToken(t identity.Personal, used time.Time) tokenView {
	v := tokenView{
		ID: t.ID, Subject: string(t.Owner), Name: t.Name, Hint: t.Hint, Tier: t.Tier,
		CreatedAt: t.Created, ExpiresAt: t.Expires, RevokedAt: t.Revoked, Reason: t.Reason,
	}
	if !used.IsZero() {
		v.LastUsed = &used
	}
	return v
}

type tokenRevoke struct {
	where
	ID     string `arg:"" help:"The token's id (tok_…)."`
	Reason string `default:"revoked by an operator" help:"Why; its owner sees it."`
}

func (c tokenRevoke) Run(p *program) error {
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		_, err := core.Tokens.Revoke(ctx, c.ID, c.Reason, commandLine)
		return err
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(c.ID), nil, nil)
	})
	if err == nil {
		p.say("%s revoked", visible(c.ID))
	}
	return about(c.ID, err)
}

type tokenRotate struct {
	File string `short:"c" name:"config" placeholder:"FILE" type:"path" required:"" help:"The configuration file whose storage to act on."`
	ID   string `arg:"" help:"The token's id (tok_…)."`
	JSON bool   `name:"json" help:"Print {id, token, expires_at}."`
}

func (c tokenRotate) Run(p *program) error {
	return where{File: c.File}.storage(p, gateway.MakeNothing, func(ctx context.Context, core *gateway.Core) error {
		found, err := core.Tokens.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		t, secret, err := core.Tokens.Rotate(ctx, found, commandLine)
		if err != nil {
			return about(c.ID, err)
		}
		return p.made(t, secret, c.JSON)
	})
}
