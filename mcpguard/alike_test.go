package mcpguard_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// An offering is a server's tools as a gateway's upstream lists them.
type offering []upstream.Item

func (o offering) Lists(string) (upstream.Lists, upstream.State) {
	return upstream.Lists{Tools: o}, upstream.State{Listed: true}
}

// asGateway is the same server behind a gateway: its catalogue, from the
// definitions as they come over the wire, and its guard.
func (f *fixture) asGateway(t *testing.T) *catalogue.Catalogue {
	t.Helper()
	near, far := mcp.NewInMemoryTransports()
	if _, err := f.newServer().Connect(t.Context(), near, nil); err != nil {
		t.Fatal(err)
	}
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), far, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var items offering
	for _, tool := range list.Tools {
		raw, err := json.Marshal(tool)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, upstream.Item{Name: tool.Name, Raw: raw})
	}
	k := catalogue.New(catalogue.Config{
		Apps: []catalogue.App{{ID: "crm"}}, Source: items, Separator: "__",
		Accepted: catalogue.NewAccepted(f.house.DB, store.NewEpochs(f.house.DB), f.house.Log), Logger: slog.New(slog.DiscardHandler),
	})
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// throughGateway is the reason that the gateway gives, as its client sees it.
func (f *fixture) throughGateway(t *testing.T, k *catalogue.Catalogue, secret ostiary.Secret, tool, args string) ostiary.Reason {
	t.Helper()
	offer := k.Now().Tool("", "crm:"+tool)
	if offer == nil {
		return ostiary.ReasonUnknownTool
	}
	a := f.house.Guard.Admit(t.Context(), guard.Request{
		Identify: func(ctx context.Context) (*ostiary.Principal, error) {
			return f.house.Resolver.Bearer(ctx, secret.Reveal(), netip.MustParseAddr("127.0.0.1"))
		},
		Tool: offer.Tool, Resource: "/mcp", Arguments: ostiary.Arguments{Raw: []byte(args), Lookup: wire.Lookup},
	})
	if a.Decision.Hidden {
		return ostiary.ReasonUnknownTool
	}
	return a.Decision.Reason
}

func TestLibraryAndGatewayDecideAlike(t *testing.T) {
	tokens := map[string]struct {
		who  ostiary.Subject
		tier ostiary.Tier
		edit func(*identity.PersonalSpec)
	}{
		"reader":         {"alice", ostiary.TierRead, nil},
		"writer":         {"alice", ostiary.TierWrite, nil},
		"manager":        {"boss", ostiary.TierAdmin, nil},
		"no app":         {"alice", ostiary.TierWrite, func(s *identity.PersonalSpec) { s.Apps = ostiary.Selection{} }},
		"another app":    {"alice", ostiary.TierWrite, func(s *identity.PersonalSpec) { s.Apps = ostiary.Selection{IDs: []string{"notes"}} }},
		"one tool":       {"alice", ostiary.TierWrite, func(s *identity.PersonalSpec) { s.Tools = ostiary.Selection{IDs: []string{"crm:get_contact"}} }},
		"no site":        {"alice", ostiary.TierWrite, func(s *identity.PersonalSpec) { s.Sites = ostiary.Selection{} }},
		"somewhere else": {"alice", ostiary.TierWrite, func(s *identity.PersonalSpec) { s.Sites = ostiary.Selection{IDs: []string{"site-B"}} }},
	}
	calls := []struct{ tool, args string }{
		{"get_contact", `{"id":"c-1"}`},
		{"update_contact", `{}`},
		{"delete_contact", `{"id":"c-1"}`},
		{"delete_contact", `{"id":"c-2"}`},
		{"manage", `{}`},
		{"nothing", `{}`},
		{"get_in_site", `{"siteId":"site-A"}`},
		{"get_in_site", `{"siteId":"site-B"}`},
		{"get_in_site", `{}`},
		{"get_in_site", `{"siteId":""}`},
		{"get_scoped", `{}`},
	}
	seen := map[ostiary.Reason]bool{}
	inEras(t, func(t *testing.T, f *fixture, era string) {
		k := f.asGateway(t)
		for name, c := range tokens {
			edit := c.edit
			if edit == nil {
				edit = func(*identity.PersonalSpec) {}
			}
			_, secret := f.token(t, c.who, c.tier, edit)
			s := f.connect(t, secret, era)
			for _, call := range calls {
				want := f.throughGateway(t, k, secret, call.tool, call.args)
				wantReason(t, want, s, call.tool, call.args)
				if seen[want] = true; t.Failed() {
					t.Fatalf("as %s", name)
				}
			}
		}
		_, secret := f.token(t, "alice", ostiary.TierRead)
		if got := f.throughGateway(t, k, secret, "get_rarely", `{}`); got != "" {
			t.Errorf("got %q; want the first call through", got)
		}
		wantReason(t, ostiary.ReasonRateLimited, f.connect(t, secret, era), "get_rarely", `{}`)
	})
	for _, r := range []ostiary.Reason{
		"", ostiary.ReasonUnknownTool, ostiary.ReasonInsufficientScope, ostiary.ReasonSiteRequired, ostiary.ReasonSiteNotAllowed,
		ostiary.ReasonAuthorizationRequired, ostiary.ReasonToolNotConsented, ostiary.ReasonApprovalRequired,
	} {
		if !seen[r] {
			t.Errorf("no call of the table is answered with %q", r)
		}
	}
}

func TestAYesGivenToOneIsGoodAtTheOther(t *testing.T) {
	f := newFixture(t)
	k := f.asGateway(t)
	_, secret := f.token(t, "alice", ostiary.TierWrite)
	wantReason(t, ostiary.ReasonApprovalRequired, f.connect(t, secret, eras[1]), "delete_contact", `{}`)
	r := f.onlyRequest(t)
	if want := k.Now().Tool("", "crm:delete_contact").Tool.Digest; r.ToolDigest != want {
		t.Errorf("got digest %s; want the gateway's, %s", r.ToolDigest, want)
	}
	f.decide(t, r.ID, approval.Answer{Decision: approval.Approve, Scope: approval.Once})
	if got := f.throughGateway(t, k, secret, "delete_contact", `{}`); got != "" {
		t.Errorf("got %q; want it let through", got)
	}
	wantReason(t, ostiary.ReasonApprovalRequired, f.connect(t, secret, eras[1]), "delete_contact", `{}`)
}
