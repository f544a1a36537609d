package config

import (
	"time"

	"github.com/ostiary/ostiary"
)

// Skills is the group `skills`.
type Skills struct {
	// Serve skills.
	Enabled bool `yaml:"enabled"`
	// Folder of SKILL.md folders; reloaded on change.
	Dir string `yaml:"dir" default:"skills"`
	// Who may read skills over HTTP. `inherit`: whoever may call the gateway;
	// `public`: anybody; `api-key`: holders of one of `api_keys`; `bearer`: holders
	// of a JWT of `jwt.issuer`.
	Auth SkillsAuth `yaml:"auth" default:"inherit"`
	// Keys for `auth: api-key`: texts, or what `ostiary skills key` makes.
	APIKeys []APIKey `yaml:"api_keys"`
	// The issuer for `auth: bearer`.
	JWT SkillsJWT `yaml:"jwt"`
	// Serve /llm.txt.
	LLMTxt bool `yaml:"llm_txt" default:"true"`
	// Serve /llm_full.txt.
	LLMFullTxt bool `yaml:"llm_full_txt" default:"true"`
	// Serve /skills.
	API bool `yaml:"api" default:"true"`
	// What a skill in force allows.
	Guard SkillGuard `yaml:"guard"`
}

// An APIKey opens skills over HTTP. It holds either Key or Hash.
type APIKey struct {
	// The key itself.
	Key ostiary.Secret `yaml:"-"`
	// Name of the key.
	Name string `yaml:"name" required:"true"`
	// Digest of the key, as `ostiary skills key` prints it.
	Hash ostiary.Secret `yaml:"hash" required:"true"`
	// Roles whose skills the key opens.
	Roles []string `yaml:"roles"`
}

// SkillsJWT is the group `skills.jwt`.
type SkillsJWT struct {
	// The `iss` of its tokens.
	Issuer string `yaml:"issuer"`
	// The `aud` its tokens must have; left out, any.
	Audience string `yaml:"audience"`
	// Its keys; left out, discovery tells.
	JWKSURL string `yaml:"jwks_url"`
	// May the issuer be on a private or loopback address?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
}

// SkillGuard is the group `skills.guard`.
type SkillGuard struct {
	// A tool outside the skill's list is refused (`strict`), needs an approval
	// (`approval`), or is allowed and recorded (`open`).
	Mode GuardMode `yaml:"mode" default:"strict"`
	// Who may leave a skill or load another that allows more.
	Switch GuardSwitch `yaml:"switch" default:"person"`
	// Without a skill in force every tool but the skill tools is refused.
	RequireActiveSkill bool `yaml:"require_active_skill"`
	// Calls a session may make under one skill; 0 is without limit.
	MaxCalls int `yaml:"max_calls" default:"0" min:"0"`
	// How long a skill stays in force; 0s is without limit.
	MaxDuration time.Duration `yaml:"max_duration" default:"0s" min:"0s"`
}

// A SkillsAuth is who may read skills over HTTP.
type SkillsAuth string

// The values of `skills.auth`.
const (
	SkillsInherit SkillsAuth = "inherit"
	SkillsPublic  SkillsAuth = "public"
	SkillsAPIKey  SkillsAuth = "api-key"
	SkillsBearer  SkillsAuth = "bearer"
)

func (SkillsAuth) options() []string {
	return texts(SkillsInherit, SkillsPublic, SkillsAPIKey, SkillsBearer)
}

// A GuardMode is what happens to a tool outside the skill's list.
type GuardMode string

// The values of `skills.guard.mode`.
const (
	GuardStrict   GuardMode = "strict"
	GuardApproval GuardMode = "approval"
	GuardOpen     GuardMode = "open"
)

func (GuardMode) options() []string { return texts(GuardStrict, GuardApproval, GuardOpen) }

// A GuardSwitch is who may widen what a skill allows.
type GuardSwitch string

// The values of `skills.guard.switch`.
const (
	SwitchPerson GuardSwitch = "person"
	SwitchFree   GuardSwitch = "free"
)

func (GuardSwitch) options() []string { return texts(SwitchPerson, SwitchFree) }
