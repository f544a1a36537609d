package policy

import (
	"time"

	"github.com/ostiary/ostiary"
)

// An Entry is one entry of the `tools` configuration. Groups that are nil
// are not named by it. Entries are not changed once Compile has them.
type Entry struct {
	Match    string // glob over the canonical id; only * and ?
	Category *ostiary.Category
	Approval *Approval
	Roles    *Roles
	Scopes   []string
	Site     *Site
	Rate     *Rate
	// Source is where the entry stands, for explain: "tools[2]".
	Source string
}

// An Approval says which calls need a recorded yes, and how far one reaches.
// The zero Approval needs none.
type Approval struct {
	Required     bool
	Skip         bool // never ask, whatever else says so
	AlwaysPrompt bool // every call needs its own yes
	DefaultScope string
	Scopes       []string      // approval scopes an approver may choose from
	MaxTTL       time.Duration // longest time_limited grant
	Risk         Risk
	Message      string // template for people; {{name}} is an argument
	Approvers    Approvers
}

// Approvers says who may decide. The zero value is the person whose agent
// asks, for themself.
type Approvers struct {
	Roles     []string `json:"roles,omitempty"`
	Users     []string `json:"users,omitempty"`
	Channels  []string `json:"channels,omitempty"`
	Min       int      `json:"min,omitempty"` // different people who must say yes; zero means one
	AllowSelf bool     `json:"allow_self,omitempty"`
}

// Named says whether anybody is named, so that the asking person is not
// simply asked for themself.
func (a Approvers) Named() bool { return len(a.Roles)+len(a.Users)+len(a.Channels) > 0 }

// A Risk is how bad a wrong yes would be. The zero Risk is medium.
type Risk string

// The risks.
const (
	RiskLow      Risk = "low"
	RiskMedium   Risk = "medium"
	RiskHigh     Risk = "high"
	RiskCritical Risk = "critical"
)

// Serious risks need a fresh sign-in and a second confirmation.
func (r Risk) Serious() bool { return r == RiskHigh || r == RiskCritical }

// Roles are the roles that reach a tool: all of them, or any. No roles at
// all reach it for everybody.
type Roles struct {
	Names []string
	Any   bool
}

// Site says whether a tool acts in one site. Scoped nil means: ask the
// tool's input schema, where that is configured.
type Site struct {
	Scoped        *bool
	AdminRequired bool
	Field         string // argument that holds the site; "" means the configured default
}

// A Rate limits calls of a tool: at most Calls a Window for each Per.
type Rate struct {
	Per    Per
	Calls  int64
	Window time.Duration
}

// Per is whom a rate counts for.
type Per string

// Whom a rate counts for.
const (
	PerSubject Per = "subject"
	PerSession Per = "session"
	PerClient  Per = "client"
	PerTenant  Per = "tenant"
	PerTool    Per = "tool"
)
