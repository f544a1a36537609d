package config

import (
	"time"

	"github.com/ostiary/ostiary"
)

// Approvals is the group `approvals`.
type Approvals struct {
	// How people are asked. The page always exists.
	Channels []Channel `yaml:"channels" default:"[page]"`
	// How long a request waits for a decision.
	RequestTTL time.Duration `yaml:"request_ttl" default:"15m" min:"1s"`
	// How long a call that its client can't continue by itself waits for a decision;
	// 0 is never.
	Hold time.Duration `yaml:"hold" default:"25s" min:"0s"`
	// How many requests of one person may wait at once.
	MaxPendingPerSubject int `yaml:"max_pending_per_subject" default:"20" min:"1"`
	// How often the right to approve may be passed on.
	MaxDelegationDepth int `yaml:"max_delegation_depth" default:"3" min:"0"`
	// How often what has ended is cleaned up.
	CleanupInterval time.Duration `yaml:"cleanup_interval" default:"60s" min:"1s"`
	// Decided requests and ended grants stay visible for this long.
	Retention time.Duration `yaml:"retention" default:"2160h" min:"1s"`
	// An external approval system that is told and answers at a callback.
	Webhook Webhook `yaml:"webhook"`
	// An external approval system that is asked until it answers.
	Recheck Recheck `yaml:"recheck"`
	// Messages with buttons in Slack.
	Slack Slack `yaml:"slack"`
}

// Webhook is the group `approvals.webhook`.
type Webhook struct {
	// Where requests are sent. https unless loopback.
	URL string `yaml:"url"`
	// Key of the signature (Standard Webhooks).
	Secret ostiary.Secret `yaml:"secret"`
	// How long an answer is taken.
	ChallengeTTL time.Duration `yaml:"challenge_ttl" default:"300s" min:"1s"`
	// Where answers come in.
	CallbackPath string `yaml:"callback_path" default:"/approval/callback"`
	// Send a JWT that names the subject.
	IncludeJWT bool `yaml:"include_jwt"`
	// Send the call's arguments.
	IncludeArguments bool `yaml:"include_arguments" default:"true"`
	// How the code verifier travels: in the body, or sealed to the receiver's key.
	Verifier Verifier `yaml:"verifier" default:"body"`
	// The receiver's public key (a JWK, P-256), for `verifier: sealed`.
	EncryptionKeyFile string `yaml:"encryption_key_file"`
	// May it be on a private or loopback address?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
}

// Recheck is the group `approvals.recheck`.
type Recheck struct {
	// Whom to ask. https unless loopback.
	URL string `yaml:"url"`
	// How the gateway shows who it is.
	Auth RecheckAuth `yaml:"auth" default:"none"`
	// For `auth: bearer`.
	Token ostiary.Secret `yaml:"token"`
	// For `auth: custom`.
	Headers map[string]ostiary.Secret `yaml:"headers"`
	// How often to ask.
	Interval time.Duration `yaml:"interval" default:"5s" min:"100ms"`
	// How many times to ask.
	MaxAttempts int `yaml:"max_attempts" default:"10" min:"1"`
	// May it be on a private or loopback address?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
}

// Slack is the group `approvals.slack`.
type Slack struct {
	// Bot token.
	BotToken ostiary.Secret `yaml:"bot_token"`
	// Key of Slack's signatures.
	SigningSecret ostiary.Secret `yaml:"signing_secret"`
	// Where messages are posted.
	Channel string `yaml:"channel"`
	// Base of Slack's API.
	APIURL string `yaml:"api_url" default:"https://slack.com/api"`
}

// A Channel is a way to ask people.
type Channel string

// The channels of `approvals.channels`.
const (
	ChannelPage    Channel = "page"
	ChannelWebhook Channel = "webhook"
	ChannelRecheck Channel = "recheck"
	ChannelSlack   Channel = "slack"
)

func (Channel) options() []string {
	return texts(ChannelPage, ChannelWebhook, ChannelRecheck, ChannelSlack)
}

// A Verifier is how the code verifier travels to the webhook's receiver.
type Verifier string

// The values of `approvals.webhook.verifier`.
const (
	VerifierBody   Verifier = "body"
	VerifierSealed Verifier = "sealed"
)

func (Verifier) options() []string { return texts(VerifierBody, VerifierSealed) }

// A RecheckAuth is how the gateway shows who it is to a recheck server.
type RecheckAuth string

// The values of `approvals.recheck.auth`.
const (
	RecheckJWT    RecheckAuth = "jwt"
	RecheckBearer RecheckAuth = "bearer"
	RecheckNone   RecheckAuth = "none"
	RecheckCustom RecheckAuth = "custom"
)

func (RecheckAuth) options() []string {
	return texts(RecheckJWT, RecheckBearer, RecheckNone, RecheckCustom)
}
