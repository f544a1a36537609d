package config

import (
	"time"

	"github.com/ostiary/ostiary/internal/glob"
)

// A ToolRule is an entry of `tools`. A nil group is one that the entry does not
// name, so that an earlier entry's stays.
type ToolRule struct {
	// Glob over the canonical id APP:TOOL, with only * and ?. Resources and prompts
	// are APP:@resources/URI and APP:@prompts/NAME. An app that is named in full must
	// be one of this file.
	Match glob.Glob `yaml:"match" required:"true"`
	// What the tool does. Left out, `write`, or what the annotations of a trusted
	// app say.
	Category Category `yaml:"category"`
	// Must somebody say yes first?
	Approval *Approval `yaml:"approval"`
	// Where the context of a call is read from.
	Context *Context `yaml:"context"`
	// Roles that may know of the tool.
	Authorization *Authorization `yaml:"authorization"`
	// OAuth scopes a token must hold.
	Scopes []string `yaml:"scopes"`
	// In which sites the tool may act.
	Site *SiteRule `yaml:"site"`
	// How often it may be called.
	RateLimit *RateLimit `yaml:"rate_limit"`
}

// Approval is the group `tools[].approval`.
type Approval struct {
	// Must somebody say yes before the tool runs?
	Required bool `yaml:"required"`
	// The approval scope that is proposed. Left out where session is not allowed, it
	// is the first of `allowed_scopes`.
	DefaultScope ApprovalScope `yaml:"default_scope" default:"session"`
	// The approval scopes a yes may have.
	AllowedScopes []ApprovalScope `yaml:"allowed_scopes" default:"[once, session, time_limited]"`
	// The longest life of a time limited yes.
	MaxTTL time.Duration `yaml:"max_ttl" default:"1h" min:"1s"`
	// How bad it could be. High and critical need a second confirmation and a fresh
	// sign-in.
	RiskLevel RiskLevel `yaml:"risk_level" default:"medium"`
	// The sentence people read. `{{name}}` puts in an argument's value, nothing else.
	Message string `yaml:"message"`
	// Every call needs its own yes.
	AlwaysPrompt bool `yaml:"always_prompt"`
	// Never ask.
	Skip bool `yaml:"skip"`
	// Contexts that pass without asking, after denials have been looked at.
	PreApprovedContexts []ContextID `yaml:"pre_approved_contexts"`
	// Who may decide.
	Approvers Approvers `yaml:"approvers"`
	// The tool's category may be written here as well as beside `match`.
	Category Category `yaml:"category"`
}

// A ContextID names one context.
type ContextID struct {
	// Kind of context.
	Type string `yaml:"type" required:"true"`
	// Which one.
	Identifier string `yaml:"identifier" required:"true"`
}

// Approvers is the group `tools[].approval.approvers`. With Roles, Users and
// Channels all empty, the person whose agent asks decides.
type Approvers struct {
	// Members of these roles, in the same tenant.
	Roles []string `yaml:"roles"`
	// These subjects.
	Users []string `yaml:"users"`
	// Channels whose answer counts as a vote.
	Channels []Channel `yaml:"channels"`
	// So many different people must say yes.
	Min int `yaml:"min" default:"1" min:"1"`
	// May the person whose agent asks be one of them?
	AllowSelf bool `yaml:"allow_self" default:"true"`
}

// Context is the group `tools[].context`.
type Context struct {
	// Kind of context.
	Type string `yaml:"type" required:"true"`
	// arguments.PATH, claims.NAME, or header.NAME of a trusted proxy.
	From string `yaml:"from" required:"true" pattern:"^(arguments|claims|header)\\.[^\\s]+$"`
}

// Authorization is the group `tools[].authorization`.
type Authorization struct {
	// The roles.
	RequiredRoles []string `yaml:"required_roles" required:"true"`
	// Are all of them needed, or any?
	Mode RoleMode `yaml:"mode" default:"all"`
}

// SiteRule is the group `tools[].site`.
type SiteRule struct {
	// Is the tool held to the caller's sites? Left out, its input schema decides
	// (`sites.infer_from_schema`).
	SiteScoped *bool `yaml:"site_scoped"`
	// Is it for admins only?
	AdminRequired bool `yaml:"admin_required"`
	// The argument that names the site; left out, `sites.site_id_field`.
	SiteIDField string `yaml:"site_id_field"`
}

// RateLimit is the group `tools[].rate_limit`.
type RateLimit struct {
	// Whose calls are counted together.
	Per RatePer `yaml:"per" default:"subject"`
	// So many calls.
	Calls int `yaml:"calls" required:"true" min:"1"`
	// In so long a time.
	Window time.Duration `yaml:"window" default:"1m" min:"1s"`
}

// Sites is the group `sites`.
type Sites struct {
	// The argument that names the site.
	SiteIDField string `yaml:"site_id_field" default:"siteId" required:"true"`
	// Demonstrations only: a caller without sites may act in all. Refused on a
	// listener that is not loopback.
	DemoAllowAllIfNoClaims bool `yaml:"demo_allow_all_if_no_claims"`
	// A tool whose input schema declares the site field is held to sites.
	InferFromSchema bool `yaml:"infer_from_schema" default:"true"`
}

// Roles is the group `roles`.
type Roles struct {
	// Tools without any rule are unreachable.
	DefaultDeny bool `yaml:"default_deny"`
}

// A Category is what a tool does; empty is not said.
type Category string

// The categories of tools.
const (
	CategoryRead    Category = "read"
	CategoryWrite   Category = "write"
	CategoryDelete  Category = "delete"
	CategoryExecute Category = "execute"
	CategoryAdmin   Category = "admin"
)

func (Category) options() []string {
	return texts(CategoryRead, CategoryWrite, CategoryDelete, CategoryExecute, CategoryAdmin)
}

// An ApprovalScope is how far an approval reaches.
type ApprovalScope string

// The approval scopes.
const (
	ScopeOnce            ApprovalScope = "once"
	ScopeSession         ApprovalScope = "session"
	ScopeUser            ApprovalScope = "user"
	ScopeTimeLimited     ApprovalScope = "time_limited"
	ScopeToolSpecific    ApprovalScope = "tool_specific"
	ScopeContextSpecific ApprovalScope = "context_specific"
)

func (ApprovalScope) options() []string {
	return texts(ScopeOnce, ScopeSession, ScopeUser, ScopeTimeLimited, ScopeToolSpecific, ScopeContextSpecific)
}

// A RiskLevel is how bad a call could be.
type RiskLevel string

// The risk levels, rising.
const (
	RiskLow      RiskLevel = "low"
	RiskMedium   RiskLevel = "medium"
	RiskHigh     RiskLevel = "high"
	RiskCritical RiskLevel = "critical"
)

func (RiskLevel) options() []string { return texts(RiskLow, RiskMedium, RiskHigh, RiskCritical) }

// A RoleMode says whether all roles are needed or any.
type RoleMode string

// The values of `tools[].authorization.mode`.
const (
	RolesAll RoleMode = "all"
	RolesAny RoleMode = "any"
)

func (RoleMode) options() []string { return texts(RolesAll, RolesAny) }

// A RatePer says whose calls are counted together.
type RatePer string

// The values of `tools[].rate_limit.per`.
const (
	PerSubject RatePer = "subject"
	PerSession RatePer = "session"
	PerClient  RatePer = "client"
	PerTenant  RatePer = "tenant"
	PerTool    RatePer = "tool"
)

func (RatePer) options() []string {
	return texts(PerSubject, PerSession, PerClient, PerTenant, PerTool)
}
