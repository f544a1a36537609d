package mcpguard_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/mcpguard"
)

func listed(t *testing.T, s *mcp.ClientSession) []string {
	t.Helper()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	return names
}

func TestAHiddenToolIsListedForNobodyElseAndUnknownWhenCalled(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, alices := f.token(t, "alice", ostiary.TierAdmin)
		_, bosss := f.token(t, "boss", ostiary.TierAdmin)
		alice, boss := f.connect(t, alices, era), f.connect(t, bosss, era)
		if got := listed(t, boss); !slices.Equal(got, toolNames) {
			t.Errorf("got %v; want everything for the manager", got)
		}
		if got := listed(t, alice); slices.Contains(got, "manage") || len(got) != len(toolNames)-1 {
			t.Errorf("got %v; want everything but manage", got)
		}
		_, hidden := call(t, alice, "manage", `{}`)
		_, absent := call(t, alice, "manage2", `{}`)
		_, twins := call(t, alice, "manage", `{"id":"1","ID":"2"}`)
		for _, err := range []error{hidden, twins} {
			if err == nil || absent == nil || err.Error() != strings.ReplaceAll(absent.Error(), "manage2", "manage") {
				t.Errorf("got %v for a hidden tool, %v for an absent one; want the same", err, absent)
			}
		}
		if f.ran.Load() != 0 {
			t.Error("a hidden tool ran")
		}
		wantReason(t, "", boss, "manage", `{}`)
	})
}

func TestWhatTheSDKSaysOfAnUnknownToolIsWhatWeSay(t *testing.T) {
	f := newFixture(t)
	_, secret := f.token(t, "alice", ostiary.TierAdmin)
	_, ours := call(t, f.connect(t, secret, eras[1]), "nothing", `{}`)

	near, far := mcp.NewInMemoryTransports()
	if _, err := f.newServer().Connect(t.Context(), near, nil); err != nil {
		t.Fatal(err)
	}
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), far, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, theirs := call(t, s, "nothing", `{}`)
	var a, b *jsonrpc.Error
	if !errors.As(ours, &a) || !errors.As(theirs, &b) || a.Code != b.Code || a.Message != b.Message {
		t.Errorf("got %v; want %v", ours, theirs)
	}
}

func TestARefusalIsAResultThatTellsWhy(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, secret := f.token(t, "alice", ostiary.TierRead)
		s := f.connect(t, secret, era)
		res := wantReason(t, ostiary.ReasonInsufficientScope, s, "update_contact", `{}`)
		text := res.Content[0].(*mcp.TextContent).Text
		if res.Meta["code"] != "INSUFFICIENT_SCOPE" || !strings.Contains(text, "crm:update_contact") || !strings.Contains(text, "Nothing was called") {
			t.Errorf("got %q, %v", text, res.Meta)
		}
		if f.ran.Load() != 0 {
			t.Error("a refused tool ran")
		}
		if wantReason(t, "", s, "get_contact", `{}`); f.ran.Load() != 1 {
			t.Error("an allowed tool did not run")
		}
	})
}

func TestAHandlerLearnsWhoIsAsking(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		p, secret := f.token(t, "alice", ostiary.TierRead)
		wantReason(t, "", f.connect(t, secret, era), "get_contact", `{}`)
		if saw := f.saw.Load(); saw == nil || saw.Subject != "alice" || saw.Session != p.Session {
			t.Errorf("got %+v; want alice in the token's session", saw)
		}
	})
	if p := mcpguard.FromContext(t.Context()); p != nil {
		t.Errorf("got %+v outside of a call", p)
	}
}

func TestWithoutAGoodTokenNobodyGetsIn(t *testing.T) {
	f := newFixture(t)
	for name, authorization := range map[string]string{
		"nothing": "", "noise": "Bearer x", "another token": "Bearer " + identity.Mint(identity.KindPersonal).Reveal(),
		"an operator's": "Bearer " + identity.Mint(identity.KindOperator).Reveal(),
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || strings.Contains(string(body), "contact") {
			t.Errorf("%s: got %d %s; want 401", name, resp.StatusCode, body)
		}
	}
}

func TestATokenIsGoodFromItsAddressesOnly(t *testing.T) {
	f := newFixture(t)
	for cidr, good := range map[string]bool{"127.0.0.0/8": true, "198.51.100.0/24": false} {
		_, secret := f.token(t, "alice", ostiary.TierRead, func(s *identity.PersonalSpec) { s.CIDRs = []netip.Prefix{netip.MustParsePrefix(cidr)} })
		s, err := f.dial(t, secret, eras[1])
		if (err == nil) != good {
			t.Errorf("%s: got %v; want good %v", cidr, err, good)
		}
		if err == nil {
			wantReason(t, "", s, "get_contact", `{}`)
			_ = s.Close()
		}
	}
}

func TestARevokedTokenIsRefusedWithTheNextCall(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		p, secret := f.token(t, "alice", ostiary.TierRead)
		s := f.connect(t, secret, era)
		wantReason(t, "", s, "get_contact", `{}`)
		if _, err := f.house.Tokens.Revoke(t.Context(), p.ID, "", audit.Actor{}); err != nil {
			t.Fatal(err)
		}
		if _, err := call(t, s, "get_contact", `{}`); err == nil || f.ran.Load() != 1 {
			t.Errorf("got %v, %d calls; want it refused", err, f.ran.Load())
		}
	})
}

func TestNobodyIsThereWithoutAToken(t *testing.T) {
	f := newFixture(t)
	near, far := mcp.NewInMemoryTransports()
	if _, err := f.server.Connect(t.Context(), near, nil); err != nil {
		t.Fatal(err)
	}
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), far, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := listed(t, s); len(got) != 0 {
		t.Errorf("got %v listed; want nothing", got)
	}
	wantReason(t, ostiary.ReasonUnauthenticated, s, "get_contact", `{}`)
}

func TestACallerMayComeFromTheEmbeddersOwnFunction(t *testing.T) {
	f := newFixture(t, func(c *mcpguard.Config) {
		c.Principal = func(ctx context.Context, _ mcp.Request) (*ostiary.Principal, error) {
			return &ostiary.Principal{Subject: "local", Tier: ostiary.TierRead, Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"/mcp"}}, nil
		}
	})
	near, far := mcp.NewInMemoryTransports()
	if _, err := f.server.Connect(t.Context(), near, nil); err != nil {
		t.Fatal(err)
	}
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), far, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantReason(t, "", s, "get_contact", `{}`)
	wantReason(t, ostiary.ReasonInsufficientScope, s, "update_contact", `{}`)
}

func TestACallThatNeedsAYesIsAnsweredWithALink(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, secret := f.token(t, "alice", ostiary.TierWrite)
		s := f.connect(t, secret, era)
		res := wantReason(t, ostiary.ReasonApprovalRequired, s, "delete_contact", `{"id":"c-1"}`)
		id := f.onlyRequest(t).ID
		link := "https://crm.example/approvals/" + id
		if text := res.Content[0].(*mcp.TextContent).Text; !strings.Contains(text, link) || res.Meta["approval_url"] != link || res.Meta["state"] != "pending" {
			t.Errorf("got %q, %v; want the link %s", text, res.Meta, link)
		}
		f.decide(t, id, approval.Answer{Decision: approval.Approve, Scope: approval.Once})
		wantReason(t, ostiary.ReasonApprovalRequired, s, "delete_contact", `{"id":"c-2"}`)
		wantReason(t, "", s, "delete_contact", `{"id":"c-1"}`)
		wantReason(t, ostiary.ReasonApprovalRequired, s, "delete_contact", `{"id":"c-1"}`)
		if f.ran.Load() != 1 {
			t.Errorf("got %d calls; want one", f.ran.Load())
		}
	})
}

func hold(d time.Duration) func(*mcpguard.Config) { return func(c *mcpguard.Config) { c.Hold = d } }

func TestACallIsHeldUntilItsYes(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, secret := f.token(t, "alice", ostiary.TierWrite)
		s := f.connect(t, secret, era)
		go func() {
			f.decide(t, f.onlyRequest(t).ID, approval.Answer{Decision: approval.Approve, Scope: approval.Once})
		}()
		if wantReason(t, "", s, "delete_contact", `{}`); f.ran.Load() != 1 {
			t.Errorf("got %d calls; want one", f.ran.Load())
		}
	}, hold(time.Minute))
}

func TestAHeldCallIsToldOfItsNo(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, secret := f.token(t, "alice", ostiary.TierWrite)
		s := f.connect(t, secret, era)
		go func() {
			f.decide(t, f.onlyRequest(t).ID, approval.Answer{Decision: approval.Deny, Reason: "not this one"})
		}()
		res := wantReason(t, ostiary.ReasonApprovalDenied, s, "delete_contact", `{}`)
		if text := res.Content[0].(*mcp.TextContent).Text; !strings.Contains(text, "not this one") || res.Meta["state"] != "denied" {
			t.Errorf("got %q, %v", text, res.Meta)
		}
	}, hold(time.Minute))
}

func TestPromptsAndResourcesPassTheSameGates(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, alices := f.token(t, "alice", ostiary.TierRead)
		_, bosss := f.token(t, "boss", ostiary.TierRead)
		alice, boss := f.connect(t, alices, era), f.connect(t, bosss, era)
		ctx := t.Context()
		for name, c := range map[string]struct {
			open, secret func(*mcp.ClientSession) error
		}{
			"prompts/get": {prompt(ctx, "greeting"), prompt(ctx, "secret")},
			"resources/read": {
				func(s *mcp.ClientSession) error {
					_, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: "crm://open"})
					return err
				},
				func(s *mcp.ClientSession) error {
					_, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: "crm://secret"})
					return err
				},
			},
			"a resource of a template": {
				func(s *mcp.ClientSession) error {
					_, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: "crm://open/1"})
					return err
				},
				func(s *mcp.ClientSession) error {
					_, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: "crm://secret/1"})
					return err
				},
			},
			"completion": {
				complete(ctx, &mcp.CompleteReference{Type: "ref/prompt", Name: "greeting"}),
				complete(ctx, &mcp.CompleteReference{Type: "ref/prompt", Name: "secret"}),
			},
			"completion of a resource": {
				complete(ctx, &mcp.CompleteReference{Type: "ref/resource", URI: "crm://open/{id}"}),
				complete(ctx, &mcp.CompleteReference{Type: "ref/resource", URI: "crm://secret/{id}"}),
			},
		} {
			if err := errors.Join(c.open(alice), c.open(boss), c.secret(boss)); err != nil {
				t.Errorf("%s: got %v; want it allowed", name, err)
			}
			ran := f.ran.Load()
			if err := c.secret(alice); err == nil || f.ran.Load() != ran {
				t.Errorf("%s: got %v; want it hidden", name, err)
			}
		}
		if prompts, err := alice.ListPrompts(ctx, nil); err != nil || len(prompts.Prompts) != 1 {
			t.Errorf("got %v, %v; want one prompt", prompts, err)
		}
		if resources, err := alice.ListResources(ctx, nil); err != nil || len(resources.Resources) != 1 {
			t.Errorf("got %v, %v; want one resource", resources, err)
		}
		if templates, err := alice.ListResourceTemplates(ctx, nil); err != nil || len(templates.ResourceTemplates) != 1 {
			t.Errorf("got %v, %v; want one template", templates, err)
		}
		if all, err := boss.ListResources(ctx, nil); err != nil || len(all.Resources) != 2 {
			t.Errorf("got %v, %v; want both resources", all, err)
		}
	})
}

func prompt(ctx context.Context, name string) func(*mcp.ClientSession) error {
	return func(s *mcp.ClientSession) error {
		_, err := s.GetPrompt(ctx, &mcp.GetPromptParams{Name: name})
		return err
	}
}

func complete(ctx context.Context, ref *mcp.CompleteReference) func(*mcp.ClientSession) error {
	return func(s *mcp.ClientSession) error {
		_, err := s.Complete(ctx, &mcp.CompleteParams{Ref: ref, Argument: mcp.CompleteParamsArgument{Name: "id", Value: ""}})
		return err
	}
}

func TestNobodySubscribesToWhatTheyMayNotRead(t *testing.T) {
	f := newFixture(t)
	_, secret := f.token(t, "alice", ostiary.TierRead)
	s := f.connect(t, secret, "2025-11-25")
	if err := s.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "crm://open"}); err != nil {
		t.Errorf("got %v; want it allowed", err)
	}
	if err := s.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "crm://secret"}); err == nil {
		t.Error("got a subscription to a hidden resource")
	}
}

func TestArgumentsThatReadTwoWaysAreRefused(t *testing.T) {
	inEras(t, func(t *testing.T, f *fixture, era string) {
		_, secret := f.token(t, "alice", ostiary.TierRead)
		s := f.connect(t, secret, era)
		for _, args := range []string{
			`{"siteId":"site-A","siteId":"site-B"}`, `{"id":"1","id":"2","siteId":"site-A"}`, `{"siteId":"site-A","SiteID":"site-B"}`, `{"siteId":"site-A","ſiteId":"site-B"}`, `{"SITEID":"site-A"}`,
		} {
			wantReason(t, ostiary.ReasonUnknownTool, s, "get_in_site", args)
		}
		if f.ran.Load() != 0 {
			t.Error("a call with look-alike arguments ran")
		}
		wantReason(t, "", s, "get_in_site", `{"siteId":"site-A"}`)
	})
}

func TestAMethodThatNobodyGuardsIsNotServed(t *testing.T) {
	for name, c := range map[string]struct {
		method    string
		unguarded []string
		served    bool
	}{
		"our own":         {"x/secrets", nil, false},
		"our own, let go": {"x/secrets", []string{"x/secrets"}, true},
		"in other case":   {"Tools/Call", nil, false},
		"ping":            {"ping", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			served := false
			h := mcpguard.New(mcpguard.Config{App: "crm", Unguarded: c.unguarded}).Middleware()(
				func(context.Context, string, mcp.Request) (mcp.Result, error) { served = true; return nil, nil })
			_, err := h(t.Context(), c.method, &mcp.ListToolsRequest{})
			if served != c.served || (err == nil) != c.served {
				t.Errorf("got served %v, %v; want %v", served, err, c.served)
			}
		})
	}
}

func TestHowACallEndedIsRecorded(t *testing.T) {
	f := newFixture(t)
	_, secret := f.token(t, "alice", ostiary.TierRead)
	s := f.connect(t, secret, eras[1])
	wantReason(t, "", s, "get_contact", `{"id":"c-1"}`)
	if res, err := call(t, s, "get_contact", `{"id":"missing"}`); err != nil || !res.IsError {
		t.Fatalf("got %v, %v; want the tool's own error", res, err)
	}
	var got []audit.Status
	for len(got) < 2 && t.Context().Err() == nil { // outcomes follow in the background
		entries, _, err := f.house.Log.Search(t.Context(), audit.Query{Tool: "crm:get_contact"})
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		for _, e := range entries {
			if e.Upstream != nil {
				got = append(got, e.Upstream.Status)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, []audit.Status{audit.StatusError, audit.StatusOK}) {
		t.Errorf("got %v; want one of each", got)
	}
}
