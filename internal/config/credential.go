package config

import (
	"time"

	"github.com/ostiary/ostiary"
)

// Credential is the group `apps[].credential`.
type Credential struct {
	// `none`; `static`: the operator's own, in `header` and `value`; `oauth`: each
	// person's, at the provider; `secret`: something each person types in once.
	Kind CredentialKind `yaml:"kind" default:"none"`
	// The header the credential is sent in.
	Header string `yaml:"header"`
	// What stands before the credential in its header.
	Prefix string `yaml:"prefix"`
	// static: the header's value.
	Value ostiary.Secret `yaml:"value"`
	// secret: what the person is asked for.
	Prompt string `yaml:"prompt"`

	// oauth: a built-in provider.
	Provider string `yaml:"provider"`
	// oauth: ask the upstream for its authorization server.
	Discover bool `yaml:"discover"`
	// oauth: the provider's authorization endpoint.
	AuthorizeURL string `yaml:"authorize_url"`
	// oauth: the provider's token endpoint.
	TokenURL string `yaml:"token_url"`
	// oauth: the provider's revocation endpoint.
	RevokeURL string `yaml:"revoke_url"`
	// oauth: the gateway's client id there.
	ClientID string `yaml:"client_id"`
	// oauth: the gateway's client secret there.
	ClientSecret ostiary.Secret `yaml:"client_secret"`
	// oauth: scopes to ask for.
	Scopes []string `yaml:"scopes"`
	// oauth: what stands between scopes; left out, a space.
	ScopeSeparator string `yaml:"scope_separator"`
	// oauth: how the gateway shows its client secret.
	AuthStyle AuthStyle `yaml:"auth_style"`
	// oauth: how bodies are written.
	Body BodyStyle `yaml:"body"`
	// oauth: proof key for code exchange (RFC 7636).
	PKCE PKCEMode `yaml:"pkce"`
	// oauth: parameters to add to the authorization request.
	ExtraParams map[string]string `yaml:"extra_params"`
	// oauth: parameter for scopes of the person, where it is not `scope`.
	UserScopeParam string `yaml:"user_scope_param"`
	// oauth: dotted path of the token in the provider's answer.
	TokenPath string `yaml:"token_path"`
	// oauth: dotted path of the account in the provider's answer.
	AccountPath string `yaml:"account_path"`
	// oauth: dotted path of the API's base URL in the provider's answer.
	BaseURLPath string `yaml:"base_url_path"`
	// oauth: how long a token lives: expires_in, none, assume:DURATION or on_401.
	Expiry string `yaml:"expiry" pattern:"^(|expires_in|none|on_401|assume:[0-9a-z.]+)$"`
	// oauth: what becomes of a refresh token that was used.
	Rotation Rotation `yaml:"rotation"`
	// oauth: for how long a used refresh token still works.
	ReuseLeeway time.Duration `yaml:"reuse_leeway"`
	// oauth: name the scopes again when refreshing.
	SendScopeOnRefresh bool `yaml:"send_scope_on_refresh"`
	// oauth: may the provider be on a private or loopback address?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
}

// A CredentialKind says whose credential goes upstream.
type CredentialKind string

// The kinds of `apps[].credential`.
const (
	CredentialNone   CredentialKind = "none"
	CredentialStatic CredentialKind = "static"
	CredentialOAuth  CredentialKind = "oauth"
	CredentialSecret CredentialKind = "secret"
)

func (CredentialKind) options() []string {
	return texts(CredentialNone, CredentialStatic, CredentialOAuth, CredentialSecret)
}

// An AuthStyle is how a client secret is shown; empty is as the provider wants it.
type AuthStyle string

func (AuthStyle) options() []string { return []string{"", "basic", "post"} }

// A BodyStyle is how request bodies are written; empty is as the provider wants it.
type BodyStyle string

func (BodyStyle) options() []string { return []string{"", "form", "json"} }

// A PKCEMode is whether PKCE is used; empty is as the provider wants it.
type PKCEMode string

func (PKCEMode) options() []string { return []string{"", "S256", "off"} }

// A Rotation is what becomes of used refresh tokens; empty is as the provider
// does it.
type Rotation string

func (Rotation) options() []string {
	return []string{"", "none", "old_valid", "single_use", "family"}
}
