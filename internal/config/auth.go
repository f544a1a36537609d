package config

import (
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// Auth is the group `auth`.
type Auth struct {
	// Where people sign in. `public`: nowhere, callers are anonymous;
	// `transparent`: elsewhere, callers bring JWTs of another issuer; `local`: here;
	// `remote`: at an identity provider.
	Mode AuthMode `yaml:"mode" default:"local"`
	// The local directory, merged with users made by the command line or the admin
	// pages.
	Users []User `yaml:"users"`
	// Where each claim is read from. The first that is present wins; a dotted path
	// is allowed.
	Claims ClaimSources `yaml:"claims"`
	// Public mode: what a caller without a token may use.
	Anonymous Anonymous `yaml:"anonymous"`
	// Bearer JWTs of somebody else's issuers.
	Transparent Transparent `yaml:"transparent"`
	// Identity providers. In mode remote people sign in there, and only those of
	// auth.users with a password; one account names a person. In mode local, and
	// where there are several, people link accounts there.
	Providers []Provider `yaml:"providers"`
	// How long what the token endpoint issues lives.
	Tokens TokenTTLs `yaml:"tokens"`
	// Personal access tokens.
	Personal PersonalTokens `yaml:"personal"`
	// Operator tokens.
	Operator OperatorTokens `yaml:"operator"`
	// Browser sessions.
	Browser Browser `yaml:"browser"`
	// How unknown clients become known.
	Registration Registration `yaml:"registration"`
	// Static clients; they can never be shadowed by a registered one.
	Clients []Client `yaml:"clients"`
	// The resource of OAuth requests that name none: /mcp, or /APP/mcp of a
	// standalone app.
	DefaultResource string `yaml:"default_resource" default:"/mcp"`
	// May agents' tokens carry a person's admin claim and the roles admin, owner and
	// superadmin?
	Admins AdminPolicy `yaml:"admins" default:"strip"`
	// The consent page.
	Consent Consent `yaml:"consent"`
	// Opening apps after the first consent.
	Incremental Incremental `yaml:"incremental"`
	// How a missing scope or tier is answered. `http`: 403 insufficient_scope;
	// `result`: a tool result with a link.
	StepUp StepUp `yaml:"step_up" default:"http"`
}

// A User is an entry of `auth.users`.
type User struct {
	// The subject: at most 128 bytes of printable text, without "|" and without
	// spaces around it; not `command-line`, which the audit log says of commands.
	ID string `yaml:"id" required:"true"`
	// Address for people to recognise the account by.
	Email string `yaml:"email"`
	// What `ostiary users hash` prints (argon2id).
	PasswordHash ostiary.Secret `yaml:"password_hash"`
	// The password itself, of at least 8 characters, instead of its hash; refused
	// when listening off loopback.
	Password ostiary.Secret `yaml:"password"`
	// Operator: may use the admin pages and make operator tokens with the admin right.
	Admin bool `yaml:"admin"`
	// What is known of the person: tenant, sites, roles and whatever policies read.
	Claims map[string]any `yaml:"claims"`
}

// ClaimSources is the group `auth.claims`.
type ClaimSources struct {
	// The tenant.
	Tenant []string `yaml:"tenant" default:"[tenant]"`
	// The sites.
	Sites []string `yaml:"sites" default:"[sites, tenants]"`
	// The roles.
	Roles []string `yaml:"roles" default:"[roles]"`
	// Whether the person is an admin.
	Admin []string `yaml:"admin" default:"[isAdmin]"`
}

// Paths are the sources as identity reads them.
func (c ClaimSources) Paths() identity.ClaimPaths {
	return identity.ClaimPaths{Tenant: c.Tenant, Sites: c.Sites, Roles: c.Roles, Admin: c.Admin}
}

// Anonymous is the group `auth.anonymous`. The zero value opens nothing.
type Anonymous struct {
	// OAuth scopes an anonymous caller holds.
	Scopes []string `yaml:"scopes"`
	// Ids of the apps that are open to an anonymous caller.
	Apps []string `yaml:"apps"`
}

// TokenTTLs is the group `auth.tokens`.
type TokenTTLs struct {
	// Life of an authorization code.
	CodeTTL time.Duration `yaml:"code_ttl" default:"60s" min:"1s"`
	// Life of an access token.
	AccessTTL time.Duration `yaml:"access_ttl" default:"1h" min:"1s"`
	// Life of an unused refresh token.
	RefreshTTL time.Duration `yaml:"refresh_ttl" default:"720h" min:"1s"`
	// For this long after its first use a refresh token gets the same successor again.
	RefreshGrace time.Duration `yaml:"refresh_grace" default:"60s" min:"0s"`
	// The end of a connected agent's access that consent proposes.
	GrantDefault time.Duration `yaml:"grant_default" default:"2160h" min:"1s"`
	// The latest end that can be chosen at consent.
	GrantMax time.Duration `yaml:"grant_max" default:"8760h" min:"1s"`
}

// PersonalTokens is the group `auth.personal`.
type PersonalTokens struct {
	// Life of a token whose maker names none.
	DefaultTTL time.Duration `yaml:"default_ttl" default:"720h" min:"1s"`
	// The longest life that can be asked for.
	MaxTTL time.Duration `yaml:"max_ttl" default:"8760h" min:"1s"`
	// May a token live without end?
	AllowEndless bool `yaml:"allow_endless"`
}

// OperatorTokens is the group `auth.operator`.
type OperatorTokens struct {
	// The longest life that can be asked for.
	MaxTTL time.Duration `yaml:"max_ttl" default:"12h" min:"1s"`
}

// Browser is the group `auth.browser`.
type Browser struct {
	// A browser session ends when it was not used for this long.
	Idle time.Duration `yaml:"idle" default:"30m" min:"1s"`
	// A browser session ends this long after sign-in.
	Max time.Duration `yaml:"max" default:"12h" min:"1s"`
	// Making tokens and deciding on high and critical risk need a sign-in no older
	// than this.
	Reauth time.Duration `yaml:"reauth" default:"5m" min:"1s"`
}

// Consent is the group `auth.consent`.
type Consent struct {
	// Is the person asked to choose tools? Without, the consent gate passes.
	Enabled bool `yaml:"enabled" default:"true"`
	// May people have their consent remembered? An agent that asks for no more, from
	// the same place, is then answered by one press instead of the list. Never for
	// programs on the person's computer, nor for links that others made to agents
	// that you did not set up.
	Remember bool `yaml:"remember"`
	// What is ticked when the page opens.
	Preselect Preselect `yaml:"preselect" default:"none"`
	// A sentence of yours above the list.
	CustomMessage string `yaml:"custom_message"`
}

// Incremental is the group `auth.incremental`.
type Incremental struct {
	// May apps be opened after the first consent?
	Enabled bool `yaml:"enabled" default:"true"`
	// What a call to a skipped app gets. `require_auth`: a link; `anonymous`: its
	// read tools run where its credential kind is none.
	SkippedApp SkippedApp `yaml:"skipped_app" default:"require_auth"`
	// May a person skip an app at consent?
	AllowSkip bool `yaml:"allow_skip" default:"true"`
}

// An AuthMode says where people sign in.
type AuthMode string

// The modes of `auth.mode`.
const (
	ModePublic      AuthMode = "public"
	ModeTransparent AuthMode = "transparent"
	ModeLocal       AuthMode = "local"
	ModeRemote      AuthMode = "remote"
)

func (AuthMode) options() []string {
	return texts(ModePublic, ModeTransparent, ModeLocal, ModeRemote)
}

// An AdminPolicy says what becomes of a person's admin rights in agents' tokens.
type AdminPolicy string

// The values of `auth.admins`.
const (
	AdminsAllow  AdminPolicy = "allow"
	AdminsStrip  AdminPolicy = "strip"
	AdminsReject AdminPolicy = "reject"
)

func (AdminPolicy) options() []string { return texts(AdminsAllow, AdminsStrip, AdminsReject) }

// A Preselect says what the consent page ticks by itself.
type Preselect string

// The values of `auth.consent.preselect`.
const (
	PreselectNone Preselect = "none"
	PreselectRead Preselect = "read"
	PreselectAll  Preselect = "all"
)

func (Preselect) options() []string { return texts(PreselectNone, PreselectRead, PreselectAll) }

// A SkippedApp says what a call to a skipped app gets.
type SkippedApp string

// The values of `auth.incremental.skipped_app`.
const (
	SkippedRequireAuth SkippedApp = "require_auth"
	SkippedAnonymous   SkippedApp = "anonymous"
)

func (SkippedApp) options() []string { return texts(SkippedRequireAuth, SkippedAnonymous) }

// A StepUp says how a missing scope or tier is answered.
type StepUp string

// The values of `auth.step_up`.
const (
	StepUpHTTP   StepUp = "http"
	StepUpResult StepUp = "result"
)

func (StepUp) options() []string { return texts(StepUpHTTP, StepUpResult) }
