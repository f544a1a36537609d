package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

var root = audit.Actor{Subject: "root"}

func openCore(t *testing.T) *gateway.Core {
	t.Helper()
	dir := t.TempDir()
	c, err := config.Parse("test", []byte("storage: {url: 'sqlite:"+filepath.Join(dir, "o.db")+"', key_file: '"+filepath.Join(dir, "o.key")+"'}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	core, err := gateway.OpenCore(t.Context(), c, gateway.MakeMissing, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := core.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return core
}

// someone is a person with one of everything.
type someone struct {
	id       ostiary.Subject
	token    ostiary.Secret
	agent    ostiary.Secret
	operator ostiary.Secret
	cookie   ostiary.Secret
	grant    string
}

func add(t *testing.T, c *gateway.Core, id ostiary.Subject, tenant string) someone {
	t.Helper()
	ctx := t.Context()
	err := c.Users.Create(ctx, identity.User{ID: id, Claims: identity.Claims{"tenant": tenant}}, root)
	u, err2 := c.Users.Get(ctx, id)
	_, token, err3 := c.Tokens.Create(ctx, u, identity.PersonalSpec{Name: "laptop", Tier: ostiary.TierRead}, root)
	s, cookie, err4 := c.Browsers.Start(ctx, u, "")
	_, operator, err5 := c.Operators.Create(ctx, u, s.SignedIn, time.Minute, "", []identity.Right{identity.RightRead}, 0)
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return someone{id, token, agent(t, c, id), operator, cookie, grant(t, c, id, tenant)}
}

// agent is the access token of somebody's agent.
func agent(t *testing.T, c *gateway.Core, id ostiary.Subject) ostiary.Secret {
	t.Helper()
	var token session.Token
	err := c.DB.Change(t.Context(), "connect an agent", func(tx *store.Tx) error {
		s, err := c.Sessions.Open(t.Context(), tx, session.Draft{
			Subject: id, Client: session.Client{ID: "codex", Ceiling: []string{"mcp:read"}}, Resources: []string{"/mcp"}, Tier: "read", Expires: c.Clock.Now().Add(time.Hour),
		})
		if err == nil {
			token, err = c.Sessions.Mint(t.Context(), tx, s, session.Narrowing{})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token.Secret
}

func grant(t *testing.T, c *gateway.Core, id ostiary.Subject, tenant string) string {
	t.Helper()
	rule := &policy.Rule{Approval: policy.Approval{Required: true, Scopes: []string{"user"}, MaxTTL: time.Hour}}
	g, err := c.Approvals.GrantDirect(t.Context(), approval.Direct{
		Subject: id, Tenant: ostiary.Tenant(tenant), Client: identity.PersonalClient, Tool: &ostiary.Tool{ID: "crm:delete", App: "crm"}, Scope: approval.User,
	}, rule, approval.Decider{Subject: "root", Admin: true}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return g.ID
}

// left is what of somebody still lets in.
func (s someone) left(t *testing.T, c *gateway.Core) []string {
	t.Helper()
	ctx, out := t.Context(), []string(nil)
	resolver := identity.NewResolver(c.Tokens, identity.AdminsStrip, nil)
	if _, err := resolver.Bearer(ctx, s.token.Reveal(), netip.Addr{}); err == nil {
		out = append(out, "token")
	}
	resolver.Accept(identity.KindAccess, c.Sessions)
	if _, err := resolver.Bearer(ctx, s.agent.Reveal(), netip.Addr{}); err == nil {
		out = append(out, "agent")
	}
	if _, err := c.Operators.Bearer(ctx, s.operator.Reveal(), netip.Addr{}); err == nil {
		out = append(out, "operator")
	}
	if _, _, err := c.Browsers.Find(ctx, s.cookie); err == nil {
		out = append(out, "browser")
	}
	if g, err := c.Approvals.Grant(ctx, s.grant); err == nil && g.State == approval.StateApproved {
		out = append(out, "grant")
	}
	return out
}

func TestWhatIsWithinReachEndsAndNothingElse(t *testing.T) {
	everything := []string{"token", "agent", "operator", "browser", "grant"}
	but := func(what ...string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(s string) bool { return slices.Contains(what, s) })
	}
	unagented := but("agent")
	for name, c := range map[string]struct {
		reach             identity.Reach
		alice, bob, carol []string
	}{
		"one person":         {identity.Reach{Subject: "alice"}, nil, everything, everything},
		"a tenant":           {identity.Reach{Tenant: "acme"}, nil, nil, everything},
		"a client":           {identity.Reach{Client: "personal"}, but("token", "grant"), but("token", "grant"), but("token", "grant")},
		"agents of a client": {identity.Reach{Client: "codex"}, unagented, unagented, unagented},
		"of a tenant":        {identity.Reach{Client: "personal", Tenant: "acme"}, but("token", "grant"), but("token", "grant"), everything},
		"another client":     {identity.Reach{Client: "cursor"}, everything, everything, everything},
		"all":                {identity.Reach{All: true}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			core := openCore(t)
			alice, bob, carol := add(t, core, "alice", "acme"), add(t, core, "bob", "acme"), add(t, core, "carol", "other")
			if _, err := core.RevokeEverything(t.Context(), c.reach, root); err != nil {
				t.Fatal(err)
			}
			for _, p := range []struct {
				who  someone
				want []string
			}{{alice, c.alice}, {bob, c.bob}, {carol, c.carol}} {
				if got := p.who.left(t, core); !slices.Equal(got, p.want) {
					t.Errorf("%s: got %v left; want %v", p.who.id, got, p.want)
				}
			}
		})
	}
}

func TestAReachNamesOneThing(t *testing.T) {
	core := openCore(t)
	for _, r := range []identity.Reach{{}, {Subject: "alice", All: true}, {Tenant: "acme", Subject: "alice"}, {Client: "personal", All: true}} {
		if _, err := core.RevokeEverything(t.Context(), r, root); !errors.Is(err, identity.ErrReach) {
			t.Errorf("%+v: got %v; want %v", r, err, identity.ErrReach)
		}
	}
}

func TestADeletedPersonLeavesNothingBehind(t *testing.T) {
	core := openCore(t)
	alice, bob := add(t, core, "alice", "acme"), add(t, core, "bob", "acme")
	if err := core.DeleteUser(t.Context(), "alice", root); err != nil {
		t.Fatal(err)
	}
	if left := alice.left(t, core); left != nil {
		t.Errorf("got %v left of alice", left)
	}
	if left := bob.left(t, core); len(left) != 5 {
		t.Errorf("got only %v left of bob", left)
	}
	if err := core.DeleteUser(t.Context(), "alice", root); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("got %v; want %v", err, identity.ErrUserNotFound)
	}
	again := add(t, core, "alice", "acme")
	if alice.left(t, core) != nil || len(again.left(t, core)) != 5 {
		t.Errorf("got %v of the old alice, %v of the new", alice.left(t, core), again.left(t, core))
	}
}
