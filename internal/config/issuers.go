package config

import "github.com/ostiary/ostiary"

// Transparent is the group `auth.transparent`.
type Transparent struct {
	// Issuers whose JWTs are taken as they are; the subject is "ID|sub".
	Issuers []Issuer `yaml:"issuers"`
}

// An Issuer is an entry of `auth.transparent.issuers`.
type Issuer struct {
	// Name of the issuer here; the first half of its subjects.
	ID string `yaml:"id" required:"true" pattern:"^[a-z0-9-]{1,32}$"`
	// The `iss` of its tokens.
	Issuer string `yaml:"issuer" required:"true"`
	// The `aud` its tokens must have. The URL of one MCP endpoint: its tokens are for
	// that one; anything else: for all.
	Audience string `yaml:"audience" required:"true"`
	// Its keys; left out, discovery tells.
	JWKSURL string `yaml:"jwks_url"`
	// Scopes a token must hold to come in.
	RequiredScopes []string `yaml:"required_scopes"`
	// What its claims may say.
	Allow Allow `yaml:"allow"`
}

// Allow bounds what somebody else's claims may say; the zero value believes none.
type Allow struct {
	// Tenants its people may belong to; "*" is any. Sites count where the tenant does.
	Tenants []string `yaml:"tenants"`
	// Roles its people may have; "*" is any.
	Roles []string `yaml:"roles"`
	// May it make admins, by claim or by the roles admin, owner and superadmin?
	Admin bool `yaml:"admin"`
}

// A Provider is an entry of `auth.providers`.
type Provider struct {
	// Name of the provider here; the first half of its subjects.
	ID string `yaml:"id" required:"true" pattern:"^[a-z0-9-]{1,32}$"`
	// What people call it.
	Name string `yaml:"name"`
	// Issuer for OIDC discovery; or the three URLs below for plain OAuth.
	Issuer string `yaml:"issuer"`
	// Authorization endpoint of a plain OAuth provider.
	AuthorizeURL string `yaml:"authorize_url"`
	// Token endpoint of a plain OAuth provider.
	TokenURL string `yaml:"token_url"`
	// User information endpoint of a plain OAuth provider.
	UserinfoURL string `yaml:"userinfo_url"`
	// The gateway's client id there.
	ClientID string `yaml:"client_id" required:"true"`
	// The gateway's client secret there.
	ClientSecret ostiary.Secret `yaml:"client_secret"`
	// Scopes to ask for.
	Scopes []string `yaml:"scopes" default:"[openid, email]"`
	// Where there are several providers, or people sign in here (mode local): must
	// everybody link an account there before they give agents anything? One by which
	// they signed in counts.
	Required bool `yaml:"required"`
	// What its claims may say.
	Allow Allow `yaml:"allow"`
	// May it be on a private or loopback address, or on another port than 443?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
}
