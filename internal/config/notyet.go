package config

import "slices"

// A later key is one that is understood and does nothing in this version. Using
// it stops the start, rather than leaving somebody to believe that it works.
type later struct {
	path string
	used func(*Config) bool
	what string
}

// notYet is empty when everything of the contract is built: who builds a thing
// takes its line away.
var notYet = []later{
	{"storage.url", func(c *Config) bool { return c.Storage.Driver() == Redis }, "redis://"},
	{"auth.transparent.issuers", func(c *Config) bool {
		return len(c.Auth.Transparent.Issuers) > 0 && c.Auth.Mode != ModeTransparent
	}, "transparent.issuers beside another mode than transparent"},
	{"approvals.channels", func(c *Config) bool { return slices.Contains(c.Approvals.Channels, ChannelWebhook) }, "channel webhook"},
	{"approvals.channels", func(c *Config) bool { return slices.Contains(c.Approvals.Channels, ChannelRecheck) }, "channel recheck"},
	{"approvals.channels", func(c *Config) bool { return slices.Contains(c.Approvals.Channels, ChannelSlack) }, "channel slack"},
	{"skills.enabled", func(c *Config) bool { return c.Skills.Enabled }, "skills"},
	{"policies.files", func(c *Config) bool { return len(c.Policies.Files) > 0 }, "policies"},
	{"telemetry.otlp_endpoint", func(c *Config) bool { return c.Telemetry.OTLPEndpoint != "" }, "otlp_endpoint"},
}

// A laterIn is a later key of list entries.
type laterIn[T any] struct {
	key  string
	used func(T) bool
	what string
}

var notYetInApps = []laterIn[App]{
	{"openapi", func(a App) bool { return a.OpenAPI != nil }, "openapi"},
	{"credential.kind", func(a App) bool { return a.Credential.Kind == CredentialOAuth }, "kind oauth"},
	{"credential.kind", func(a App) bool { return a.Credential.Kind == CredentialSecret }, "kind secret"},
}

var notYetInTools = []laterIn[ToolRule]{
	{"approval.allowed_scopes", allows(ScopeToolSpecific), "approval scope tool_specific"},
	{"approval.allowed_scopes", allows(ScopeContextSpecific), "approval scope context_specific"},
	{"approval.pre_approved_contexts", func(t ToolRule) bool { return t.Approval != nil && len(t.Approval.PreApprovedContexts) > 0 }, "pre_approved_contexts"},
}

func allows(scope ApprovalScope) func(ToolRule) bool {
	return func(t ToolRule) bool {
		return t.Approval != nil && slices.Contains(t.Approval.AllowedScopes, scope)
	}
}

// checkLater refuses what is turned on and not in this version.
func (c *Config) checkLater(r *report) {
	for _, l := range notYet {
		if l.used(c) {
			r.refuseLater(l.path, l.what)
		}
	}
	checkLaterIn(r, "apps", c.Apps, notYetInApps)
	checkLaterIn(r, "tools", c.Tools, notYetInTools)
}

func checkLaterIn[T any](r *report, list string, entries []T, table []laterIn[T]) {
	for i, entry := range entries {
		for _, l := range table {
			if l.used(entry) {
				r.refuseLater(under(index(list, i), l.key), l.what)
			}
		}
	}
}

func (r *report) refuseLater(path, what string) { r.refuse(path, "%s is not in this version", what) }
