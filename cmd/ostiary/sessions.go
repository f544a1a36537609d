package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/gateway"
)

type sessionCommands struct {
	List   sessionList   `cmd:"" help:"List the agents that people connected."`
	Revoke sessionRevoke `cmd:"" help:"Cut an agent off. Its next call is refused."`
}

// A sessionView is an authorization session as the API shows it.
type sessionView struct {
	ID      ostiary.SessionID `json:"id"`
	Subject ostiary.Subject   `json:"subject"`
	Client  struct {
		ID   ostiary.ClientID `json:"id"`
		Name string           `json:"name"`
	} `json:"client"`
	Tier      string     `json:"tier"`
	Apps      []string   `json:"authorized_apps"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	LastUsed  *time.Time `json:"last_used_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Reason    string     `json:"revocation_reason,omitempty"`
}

type sessionList struct {
	where
	Subject string `placeholder:"ID" help:"Only this person's."`
	Client  string `placeholder:"ID" help:"Only those of this client."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c sessionList) Run(p *program) error {
	var sessions []sessionView
	err := c.act(p, func(ctx context.Context, core *gateway.Core) (err error) {
		sessions, err = c.stored(ctx, core)
		return err
	}, func(ctx context.Context, g *client) (err error) {
		query := url.Values{}
		for name, value := range map[string]string{"subject": c.Subject, "client": c.Client} {
			if value != "" {
				query.Set(name, value)
			}
		}
		sessions, err = list[sessionView](ctx, g, "/sessions", query)
		return err
	})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, sessions, "ID SUBJECT CLIENT TIER CONNECTED EXPIRES LAST-USED STATE", func(s sessionView) []string {
		name := s.Client.Name
		if name == "" {
			name = string(s.Client.ID)
		}
		return []string{
			string(s.ID), string(s.Subject), name, s.Tier, when(s.CreatedAt), whenOr(s.ExpiresAt, "never"), whenOr(s.LastUsed, "-"), s.state(),
		}
	})
}

func (s sessionView) state() string {
	switch {
	case s.RevokedAt != nil:
		return "revoked: " + s.Reason
	case s.ExpiresAt != nil && !now().Before(*s.ExpiresAt):
		return "expired"
	default:
		return "live"
	}
}

func (c sessionList) stored(ctx context.Context, core *gateway.Core) ([]sessionView, error) {
	all, err := core.AgentSessions(ctx, ostiary.Subject(c.Subject), ostiary.ClientID(c.Client))
	if err != nil {
		return nil, err
	}
	out := make([]sessionView, len(all))
	for i, s := range all {
		v := sessionView{
			ID: s.ID, Subject: s.Subject, Tier: s.Tier, Apps: s.Authorized, CreatedAt: s.Created, RevokedAt: s.Revoked, Reason: s.Reason,
		}
		v.Client.ID, v.Client.Name = s.Client.ID, s.Client.Name
		if !s.Expires.IsZero() {
			v.ExpiresAt = &s.Expires
		}
		used, err := core.Tokens.UsedAt(ctx, string(s.ID))
		if err != nil {
			return nil, err
		}
		if !used.IsZero() {
			v.LastUsed = &used
		}
		out[i] = v
	}
	return out, nil
}

type sessionRevoke struct {
	where
	ID     string `arg:"" help:"The session (ses_…)."`
	Reason string `default:"ended by an operator" help:"Why; its person sees it. Only with -c."`
}

func (c sessionRevoke) Run(p *program) error {
	err := c.act(p, func(ctx context.Context, core *gateway.Core) error {
		_, err := core.Sessions.Revoke(ctx, ostiary.SessionID(c.ID), c.Reason, commandLine)
		return err
	}, func(ctx context.Context, g *client) error {
		return g.do(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(c.ID), nil, nil)
	})
	if err == nil {
		p.say("%s revoked", visible(c.ID))
	}
	return about(c.ID, err)
}
