package mcpguard

import (
	"cmp"
	"context"
	"crypto/cipher"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/store"
)

// Config is what a Guard is made of. Guard and App are needed.
type Config struct {
	Guard *guard.Guard
	// App is what this server is called in rules, tokens, approvals and the
	// log: its tools are "app:tool". AppName is its name for people.
	App, AppName string
	// Resource is the endpoint that tokens must be for; "" means "/mcp".
	Resource string
	// Principal tells who is asking; nil, nil is nobody. It is called again
	// whenever something that concerns the caller has changed. nil: whoever
	// RequireToken let in.
	Principal func(ctx context.Context, req mcp.Request) (*ostiary.Principal, error)
	// TrustAnnotations: the tools' own annotations tell their category where
	// no rule does. Otherwise they count as write.
	TrustAnnotations bool
	// ArgumentNames are arguments that rules look at besides those that the
	// tools' schemas declare, like the site field.
	ArgumentNames []string
	// ApprovalURL is where a person decides; the request's id is appended.
	// "": refusals carry no link.
	ApprovalURL string
	// Hold is how long a call waits for its approval; zero: not at all.
	Hold time.Duration
	// Unguarded are methods of the embedder's own that pass without being
	// asked about. Methods that neither MCP nor this list knows are refused.
	Unguarded []string
}

// A Guard asks the gates about what a client wants of one server. It is safe
// for concurrent use.
type Guard struct {
	config Config
	tools  *store.Cache[*mcp.Tool, *tool]
	states func() cipher.AEAD
}

// maxTools bounds how many definitions are remembered.
const maxTools = 10_000

// New returns a guard for one server.
func New(c Config) *Guard {
	c.Resource = cmp.Or(c.Resource, "/mcp")
	if c.Principal == nil {
		c.Principal = fromToken
	}
	return &Guard{config: c, tools: store.NewCache[*mcp.Tool, *tool](maxTools), states: sync.OnceValue(func() cipher.AEAD { return newSealer(c.Guard) })}
}

// A question is one request of a client.
type question struct {
	*Guard
	next   mcp.MethodHandler
	method string
	req    mcp.Request
	came   *state // with which the client came back; nil: the call begins
}

// asked has what is decided about, by method.
var asked = map[string]func(*question, context.Context) (mcp.Result, error){
	"tools/call":               (*question).callTool,
	"prompts/get":              (*question).getPrompt,
	"resources/read":           (*question).readResource,
	"completion/complete":      (*question).complete,
	"resources/subscribe":      (*question).subscribe,
	"subscriptions/listen":     (*question).listen,
	"tools/list":               (*question).listTools,
	"prompts/list":             (*question).listPrompts,
	"resources/list":           (*question).listResources,
	"resources/templates/list": (*question).listTemplates,
}

// free are the methods that tell nothing and call nothing.
var free = map[string]bool{
	"initialize": true, "server/discover": true, "ping": true, "logging/setLevel": true, "resources/unsubscribe": true,
}

// Middleware is for the server's AddReceivingMiddleware. Add it last, so that
// it stands in front of all other middleware that acts on calls.
func (g *Guard) Middleware() mcp.Middleware {
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if ask, ok := asked[method]; ok {
				return ask(&question{Guard: g, next: next, method: method, req: req}, ctx)
			}
			if free[method] || strings.HasPrefix(method, "notifications/") || slices.Contains(g.config.Unguarded, method) {
				return next(ctx, method, req)
			}
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "method " + method + " is not guarded, and so not served"}
		}
	}
}

type principalKey struct{}

// FromContext returns who is asking, inside a handler of a guarded server;
// nil outside of one.
func FromContext(ctx context.Context) *ostiary.Principal {
	p, _ := ctx.Value(principalKey{}).(*ostiary.Principal)
	return p
}

func (q *question) identify(ctx context.Context) (*ostiary.Principal, error) {
	return q.config.Principal(ctx, q.req)
}

// visible says whether the caller may know of a tool.
func (q *question) visible(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool) bool {
	return q.config.Guard.Visible(ctx, p, t, q.config.Resource)
}
