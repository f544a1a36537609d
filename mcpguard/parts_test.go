package mcpguard_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/examples/sampleserver"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/mcpguard"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

var eras = []string{"2025-11-25", "2026-07-28"}

var reads, yes = ostiary.CategoryRead, true

// rules hide the tools for managers, ask for approval of deletion, and limit
// listing to twice a minute.
var rules = policy.Config{Entries: []policy.Entry{
	{Match: "crm:get_*", Category: &reads},
	{Match: "crm:manage*", Roles: &policy.Roles{Names: []string{"manager"}}},
	{Match: "crm:@prompts/secret", Roles: &policy.Roles{Names: []string{"manager"}}},
	{Match: "crm:@resources/crm://secret*", Roles: &policy.Roles{Names: []string{"manager"}}},
	{Match: "crm:delete_contact", Approval: &policy.Approval{
		Required: true, DefaultScope: "once", Scopes: []string{"once", "session"}, MaxTTL: time.Hour, Risk: policy.RiskMedium,
	}},
	{Match: "crm:get_in_site", Site: &policy.Site{Scoped: &yes}},
	{Match: "crm:get_rarely", Rate: &policy.Rate{Per: policy.PerSubject, Calls: 1, Window: 24 * time.Hour}},
	{Match: "crm:get_scoped", Scopes: []string{"other:write"}},
}}

type input struct {
	ID     string `json:"id,omitempty"`
	SiteID string `json:"siteId,omitempty"`
}

// A fixture is a guarded server with its house.
type fixture struct {
	house  *mcpguard.House
	server *mcp.Server
	ran    atomic.Int64 // calls that reached a handler
	saw    atomic.Pointer[ostiary.Principal]
	url    string
}

func newFixture(t *testing.T, edits ...func(*mcpguard.Config)) *fixture {
	t.Helper()
	clock := ostiary.SystemClock{}
	house, err := mcpguard.Open(t.Context(), mcpguard.Options{
		Storage: memory.Open(clock), Keys: store.NewKeyring(clock), Rules: rules,
		Users: []identity.User{
			{ID: "alice", Claims: identity.Claims{"sites": []any{"site-A"}}},
			{ID: "boss", Claims: identity.Claims{"sites": []any{"site-A"}, "roles": []any{"manager"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := house.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{house: house}
	f.server = f.newServer()
	config := mcpguard.Config{Guard: house.Guard, App: "crm", ApprovalURL: "https://crm.example/approvals"}
	for _, edit := range edits {
		edit(&config)
	}
	f.server.AddReceivingMiddleware(mcpguard.New(config).Middleware())
	front := httptest.NewServer(mcpguard.RequireToken(house.Resolver, nil)(sampleserver.Handler(f.server)))
	t.Cleanup(front.Close)
	f.url = front.URL
	return f
}

var toolNames = []string{"delete_contact", "get_contact", "get_in_site", "get_rarely", "get_scoped", "manage", "update_contact"}

func (f *fixture) newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "crm", Version: "1"}, &mcp.ServerOptions{
		Capabilities:       &mcp.ServerCapabilities{},
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{"a"}}}, nil
		},
	})
	for _, name := range toolNames {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, _ *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			f.ran.Add(1)
			f.saw.Store(mcpguard.FromContext(ctx))
			if in.ID == "missing" {
				return nil, nil, errors.New("no such contact")
			}
			return nil, map[string]string{"did": name}, nil
		})
	}
	for _, name := range []string{"greeting", "secret"} {
		server.AddPrompt(&mcp.Prompt{Name: name}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			f.ran.Add(1)
			return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{}}, nil
		})
	}
	read := func(_ context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		f.ran.Add(1)
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: req.Params.URI, Text: "text"}}}, nil
	}
	for _, uri := range []string{"crm://open", "crm://secret"} {
		server.AddResource(&mcp.Resource{Name: uri, URI: uri}, read)
		server.AddResourceTemplate(&mcp.ResourceTemplate{Name: uri, URITemplate: uri + "/{id}"}, read)
	}
	return server
}

// token makes one for a configured person.
func (f *fixture) token(t *testing.T, who ostiary.Subject, tier ostiary.Tier, edits ...func(*identity.PersonalSpec)) (identity.Personal, ostiary.Secret) {
	t.Helper()
	owner, err := f.house.Users.Get(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	all := ostiary.Selection{All: true}
	spec := identity.PersonalSpec{Name: ostiary.NewID("t"), Tier: tier, Apps: all, Tools: all, Sites: all}
	for _, edit := range edits {
		edit(&spec)
	}
	p, secret, err := f.house.Tokens.Create(t.Context(), owner, spec, audit.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	return p, secret
}

type bearer struct{ token ostiary.Secret }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	return http.DefaultTransport.RoundTrip(r)
}

func (f *fixture) connect(t *testing.T, token ostiary.Secret, era string) *mcp.ClientSession {
	t.Helper()
	session, err := f.dial(t, token, era)
	if err != nil {
		t.Fatalf("connect with %s: %v", era, err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func (f *fixture) dial(t *testing.T, token ostiary.Secret, era string) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	return client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: f.url, DisableStandaloneSSE: true, HTTPClient: &http.Client{Transport: bearer{token}}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: era})
}

// inEras runs a test in both eras, with a fixture of its own each.
func inEras(t *testing.T, run func(t *testing.T, f *fixture, era string), edits ...func(*mcpguard.Config)) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) { run(t, newFixture(t, edits...), era) })
	}
}

func call(t *testing.T, s *mcp.ClientSession, tool, args string) (*mcp.CallToolResult, error) {
	t.Helper()
	return s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(args)})
}

// reasonOf is what a call was answered with: "" let through, unknown_tool for
// the SDK's error, else the reason in _meta.
func reasonOf(t *testing.T, res *mcp.CallToolResult, err error) ostiary.Reason {
	t.Helper()
	if err != nil {
		var e *jsonrpc.Error
		if !errors.As(err, &e) || e.Code != jsonrpc.CodeInvalidParams {
			t.Fatalf("got error %v; want %d", err, jsonrpc.CodeInvalidParams)
		}
		return ostiary.ReasonUnknownTool
	}
	decision, ok := res.Meta[mcpguard.DecisionKey].(map[string]any)
	if !ok {
		return ""
	}
	if !res.IsError {
		t.Errorf("got a decision in a result that is no error: %v", res.Meta)
	}
	reason, _ := decision["reason"].(string)
	return ostiary.Reason(reason)
}

func wantReason(t *testing.T, want ostiary.Reason, s *mcp.ClientSession, tool, args string) *mcp.CallToolResult {
	t.Helper()
	res, err := call(t, s, tool, args)
	if got := reasonOf(t, res, err); got != want {
		t.Errorf("%s %s: got %q; want %q", tool, args, got, want)
	}
	return res
}

func (f *fixture) onlyRequest(t *testing.T) approval.Request {
	t.Helper()
	alice := approval.Decider{Subject: "alice", SignedInAt: ostiary.SystemClock{}.Now(), Origin: "page"}
	for t.Context().Err() == nil {
		all, _, err := f.house.Approvals.Requests(t.Context(), alice, approval.Pending, 10, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 {
			return all[0]
		}
	}
	t.Fatal("nobody was asked")
	return approval.Request{}
}

func (f *fixture) decide(t *testing.T, id string, a approval.Answer) {
	t.Helper()
	alice := approval.Decider{Subject: "alice", SignedInAt: ostiary.SystemClock{}.Now(), Origin: "page"}
	if _, err := f.house.Approvals.Decide(t.Context(), id, alice, a, time.Hour); err != nil {
		t.Fatal(err)
	}
}
