package guarded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/examples/sampleserver"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/mcpguard"
	"github.com/ostiary/ostiary/policy"
)

// Rules say which calls need a recorded yes. What a tool does is told by its
// annotations: the server trusts its own.
var Rules = policy.Config{Entries: []policy.Entry{{
	Match: "notebook:delete_note",
	Approval: &policy.Approval{
		Required: true, DefaultScope: "once", Scopes: []string{"once", "session"}, MaxTTL: time.Hour, Risk: policy.RiskMedium,
	},
}}}

// Users are the people of this server: Alice.
var Users = []identity.User{{ID: "alice"}}

// Handler serves MCP of both eras, guarded, from a house that was opened
// with Rules and Users. A call that needs a yes waits for it for up to hold.
func Handler(house *mcpguard.House, hold time.Duration) http.Handler {
	server := newServer()
	server.AddReceivingMiddleware(mcpguard.New(mcpguard.Config{
		Guard: house.Guard, App: "notebook", AppName: "Notebook", TrustAnnotations: true, Hold: hold,
	}).Middleware())
	return mcpguard.RequireToken(house.Resolver, nil)(sampleserver.Handler(server))
}

type notebook struct {
	mu    sync.Mutex
	notes []string
}

type (
	nothing   struct{}
	deleteArg struct {
		Note string `json:"note" jsonschema:"the note to delete, as list_notes tells it"`
	}
	noteList struct {
		Notes []string `json:"notes"`
	}
	whoami struct {
		Subject string `json:"subject"`
	}
)

func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "guarded-notebook", Version: "1.0.0"}, sampleserver.Options("A notebook that guards itself."))
	n := &notebook{notes: []string{"buy milk", "call Ada"}}
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true}
	mcp.AddTool(server, &mcp.Tool{Name: "list_notes", Description: "Lists all notes.", Annotations: reads}, n.list)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Tells in whose name you call.", Annotations: reads}, who)
	mcp.AddTool(server, &mcp.Tool{
		Name: "delete_note", Description: "Deletes a note for good.", Annotations: &mcp.ToolAnnotations{DestructiveHint: new(true)},
	}, n.remove)
	return server
}

func (n *notebook) list(context.Context, *mcp.CallToolRequest, nothing) (*mcp.CallToolResult, noteList, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return nil, noteList{slices.Clone(n.notes)}, nil
}

func (n *notebook) remove(_ context.Context, _ *mcp.CallToolRequest, in deleteArg) (*mcp.CallToolResult, noteList, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.notes, in.Note)
	if i < 0 {
		return nil, noteList{}, errors.New("there is no such note")
	}
	n.notes = slices.Delete(n.notes, i, i+1)
	return nil, noteList{slices.Clone(n.notes)}, nil
}

// who shows how a handler learns who is asking.
func who(ctx context.Context, _ *mcp.CallToolRequest, _ nothing) (*mcp.CallToolResult, whoami, error) {
	return nil, whoami{string(mcpguard.FromContext(ctx).Subject)}, nil
}

// Token makes a token of Alice's that reaches the whole notebook for a day.
func Token(ctx context.Context, house *mcpguard.House) (ostiary.Secret, error) {
	alice, err := house.Users.Get(ctx, "alice")
	if err != nil {
		return "", err
	}
	_, secret, err := house.Tokens.Create(ctx, alice, identity.PersonalSpec{
		Name: ostiary.NewID("demo"), Tier: ostiary.TierWrite, TTL: 24 * time.Hour,
		Apps: ostiary.Selection{IDs: []string{"notebook"}}, Tools: ostiary.Selection{IDs: []string{"notebook:*"}},
	}, audit.Actor{Subject: alice.ID})
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return secret, nil
}
