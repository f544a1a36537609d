package guard

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Durability says which intents must be durable before a call is made.
type Durability string

// The durabilities. Calls that use a grant or a counter are strict always.
const (
	Strict  Durability = "strict"  // every call; the zero Durability means this
	Writes  Durability = "writes"  // intents of category read go to the log in the background
	Relaxed Durability = "relaxed" // all do
)

// A Log records calls. *audit.Log is one.
type Log interface {
	Append(tx *store.Tx, e audit.Entry)
	// Background hands an entry over without waiting for storage; false means
	// that it has no room, and nothing was handed over.
	Background(e audit.Entry) bool
}

// An Observer sees decisions and outcomes, for metrics. Its methods must be
// quick and safe for concurrent use.
type Observer interface {
	Decided(c *ostiary.Call, d ostiary.Decision, took time.Duration)
	Ended(c *ostiary.Call, status audit.Status, took time.Duration)
}

// Categories tells a tool's category.
type Categories func(*ostiary.Tool) ostiary.Category

// Config is what a Guard is made of. All fields but Observer, Durability and
// Logger are needed.
type Config struct {
	Gates      []ostiary.Gate
	DB         *store.DB
	Epochs     *store.Epochs
	Approvals  *approval.Service
	Log        Log
	Category   Categories
	Durability Durability
	Observer   Observer
	Logger     *slog.Logger
}

// A Guard lets calls through, or not. It is safe for concurrent use.
type Guard struct {
	Config
	clock ostiary.Clock
	now   atomic.Pointer[ruling] // what Config said of it, until Replace
	// pass is what the record says of every call that all gates passed: made
	// once, and changed by nobody.
	pass *audit.Decision
}

// New returns a guard.
func New(c Config) *Guard {
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Durability == "" {
		c.Durability = Strict
	}
	pass := decided(c.Gates, ostiary.Decision{Effect: ostiary.Pass})
	g := &Guard{Config: c, clock: c.DB.Clock(), pass: &pass}
	g.Replace(0, c.Gates, c.Category)
	return g
}

// A Request is one call that wants through.
type Request struct {
	// Identify builds the principal from the credential that came with the
	// call. It is called again whenever a change was noticed meanwhile. nil
	// means that nobody is there.
	Identify  func(ctx context.Context) (*ostiary.Principal, error)
	Tool      *ostiary.Tool
	Arguments ostiary.Arguments
	Resource  string
	Caller    ostiary.Caller
	// Together adds to the commit of a pass what has to be true with it, and
	// only with it: that this call is the one that is sent for a task. It is
	// called for every attempt; an error of it ends the call, is the Err of
	// its decision, and is recorded by nobody. nil: there is nothing more.
	Together func(ctx context.Context, tx *store.Tx, c *ostiary.Call) error

	// Round is set for a call that was let through before and goes on.
	Round *Round

	// resumed is the approval request that the call waited for.
	resumed string
	// attempt names this admission among others of the same round.
	attempt string
	// by is what the call was decided by last.
	by *ruling
}

// An Answer is what became of a request. Exactly one of these holds: Pass is
// set; or Decision denies; or Decision holds, with Waiting set where the step
// is an approval.
type Answer struct {
	Call     *ostiary.Call
	Decision ostiary.Decision
	Waiting  *approval.Request
	Pass     *Pass
	// Edition of the configuration that a Pass was decided by.
	Edition uint64
}

// Grant is the id of the grant that let the call through; "" where none was
// needed.
func (a Answer) Grant() string {
	for _, use := range a.Decision.Uses {
		if use.Grant != "" {
			return use.Grant
		}
	}
	return ""
}

// Visible says whether the principal may know of a tool: the same decision
// that a call starts with.
func (g *Guard) Visible(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool, resource string) bool {
	c := ostiary.Call{Intent: ostiary.List, Principal: p, Tool: t, Resource: resource, Time: g.clock.Now()}
	return ostiary.Decide(ctx, g.Gates(), &c).Effect == ostiary.Pass
}

// Explain asks every gate and changes nothing.
func (g *Guard) Explain(ctx context.Context, p *ostiary.Principal, t *ostiary.Tool, args ostiary.Arguments, resource string) (ostiary.Decision, ostiary.Trail) {
	c := ostiary.Call{Principal: p, Tool: t, Arguments: args, Resource: resource, Time: g.clock.Now()}
	return ostiary.Explain(ctx, g.Gates(), &c)
}

type nobody struct{}

func (nobody) Decided(*ostiary.Call, ostiary.Decision, time.Duration) {}
func (nobody) Ended(*ostiary.Call, audit.Status, time.Duration)       {}
