package config

import (
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
)

// An App is an entry of `apps`: one upstream. It has exactly one of URL, Command
// and OpenAPI.
type App struct {
	// The app's name in tool ids: a to z, 0 to 9 and "-", at most 32. Not `ostiary`
	// and not the first segment of one of the gateway's own paths.
	ID string `yaml:"id" required:"true" pattern:"^[a-z0-9-]{1,32}$"`
	// What people call it; left out, the id.
	Name string `yaml:"name"`
	// A sentence for people.
	Description string `yaml:"description"`
	// Serve it alone too, at /ID/mcp with /ID/oauth/authorize.
	Standalone bool `yaml:"standalone"`
	// Derive tool categories from this upstream's annotations.
	Trusted bool `yaml:"trusted"`
	// Hold new and changed tools back until an operator accepts them
	// (`ostiary tools accept`).
	Pin bool `yaml:"pin"`
	// An upstream that speaks HTTP. Plain http is taken, also
	// off loopback: calls, `headers` and `credential` then go unencrypted, and the
	// start warns where the gateway has something to lose.
	URL string `yaml:"url"`
	// How to speak to `url`: streamable HTTP of any era, or HTTP with server-sent
	// events as of 2024-11-05, which opens a stream there.
	Transport Transport `yaml:"transport" default:"streamable"`
	// Sent on every upstream request.
	Headers map[string]ostiary.Secret `yaml:"headers"`
	// How long an upstream may take to answer.
	Timeout time.Duration `yaml:"timeout" default:"60s" min:"1ms"`
	// Lists are fetched again this often, and on list_changed (at most once a second).
	Refresh time.Duration `yaml:"refresh" default:"30s" min:"1s"`
	// What this upstream may ask of clients, while it works on a call of theirs and as
	// far as they declared it.
	AllowServerRequests []ServerRequest `yaml:"allow_server_requests" default:"[elicitation]"`
	// How the gateway signs in to the upstream.
	Credential Credential `yaml:"credential"`
	// A stdio server: the program and its arguments. It gets only `env`, PATH and
	// HOME; one child per subject unless `shared`. A folder among the arguments that
	// holds the gateway's own keys, database or configuration is refused.
	Command []string `yaml:"command"`
	// Environment of the child.
	Env map[string]ostiary.Secret `yaml:"env"`
	// Share connections, or the child, between people.
	Shared bool `yaml:"shared"`
	// How many children may run at once. One person may have several: one for each era
	// that their agents speak, and for each set of things that these can be asked.
	MaxChildren int `yaml:"max_children" default:"16" min:"1"`
	// A web API that is turned into tools.
	OpenAPI *OpenAPI `yaml:"openapi"`
}

// Kind says how the app is reached. A checked configuration never holds an app
// of the zero kind.
func (a App) Kind() AppKind {
	switch {
	case a.URL != "" && a.Transport == TransportSSE:
		return AppSSE
	case a.URL != "":
		return AppStreamable
	case len(a.Command) > 0:
		return AppStdio
	case a.OpenAPI != nil:
		return AppOpenAPI
	}
	return ""
}

// InClear reports whether headers or a credential of the gateway's go to another
// machine over plain http, where whoever is on the way can read them. That is the
// operator's to allow, on a network of their own.
func (a App) InClear() bool {
	u, err := url.Parse(a.URL)
	return err == nil && u.Scheme == "http" && !loopbackHost(u.Hostname()) &&
		(len(a.Headers) > 0 || a.Credential.Kind != CredentialNone)
}

// An AppKind is a way to reach an upstream.
type AppKind string

// The kinds of apps.
const (
	AppStreamable AppKind = "streamable"
	AppSSE        AppKind = "sse"
	AppStdio      AppKind = "stdio"
	AppOpenAPI    AppKind = "openapi"
)

// OpenAPI is the group `apps[].openapi`.
type OpenAPI struct {
	// The description: a file or an https URL (OpenAPI 3.0 or 3.1).
	Spec string `yaml:"spec" required:"true"`
	// Where the API is; left out, what the description says.
	BaseURL string `yaml:"base_url"`
	// Globs of the operations that become tools.
	Include []string `yaml:"include" default:"['*']"`
	// Globs of the operations that do not.
	Exclude []string `yaml:"exclude"`
}

// A Transport says how to speak to an app's URL.
type Transport string

// The values of `apps[].transport`.
const (
	TransportStreamable Transport = "streamable"
	TransportSSE        Transport = "sse"
)

func (Transport) options() []string { return texts(TransportStreamable, TransportSSE) }

// A ServerRequest is something that an upstream may ask of clients.
type ServerRequest string

// The values of `apps[].allow_server_requests`.
const (
	Elicitation ServerRequest = "elicitation"
	Sampling    ServerRequest = "sampling"
	Roots       ServerRequest = "roots"
)

func (ServerRequest) options() []string { return texts(Elicitation, Sampling, Roots) }
