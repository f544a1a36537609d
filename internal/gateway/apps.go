package gateway

import (
	"maps"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/upstream"
)

// specs are the upstreams of the configuration file.
func specs(c *config.Config) []upstream.Spec {
	var out []upstream.Spec
	for _, a := range c.Apps {
		out = append(out, upstream.Spec{
			App: a.ID, Transport: string(a.Kind()), URL: a.URL, Headers: headers(a), Command: a.Command, Env: environment(a, c.Process),
			MaxChildren: a.MaxChildren, Shared: a.Shared, Timeout: a.Timeout, Refresh: a.Refresh,
		})
	}
	return out
}

func headers(a config.App) map[string]string {
	h := reveal(a.Headers)
	if a.Credential.Kind == config.CredentialStatic {
		h[a.Credential.Header] = a.Credential.Value.Reveal()
	}
	return h
}

// environment is all that a child sees: what the file says, PATH and HOME.
func environment(a config.App, p config.Process) map[string]string {
	env := map[string]string{"PATH": p.Path, "HOME": p.Home}
	maps.Copy(env, reveal(a.Env))
	return env
}

func reveal(secrets map[string]ostiary.Secret) map[string]string {
	out := map[string]string{}
	for k, s := range secrets {
		out[k] = s.Reveal()
	}
	return out
}

// asks are what an upstream may ask of clients.
func asks(a config.App) (all upstream.Asks) {
	kinds := map[config.ServerRequest]upstream.Asks{
		config.Elicitation: upstream.AskElicitation, config.Sampling: upstream.AskAnySampling, config.Roots: upstream.AskRoots,
	}
	for _, kind := range a.AllowServerRequests {
		all |= kinds[kind]
	}
	return all
}

// open are the apps that are open without anybody's word.
type open struct {
	machines []string // to machine clients: nobody's credential is needed
	skipped  []string // to who skipped them, for reading: there is no credential at all
}

func (c *Core) skippedApps() []string { return c.open.Load().skipped }

func openApps(c *config.Config) *open {
	o := &open{machines: []string{}}
	for _, a := range c.Apps {
		none := a.Credential.Kind == config.CredentialNone
		if none || a.Credential.Kind == config.CredentialStatic {
			o.machines = append(o.machines, a.ID)
		}
		if none && c.Auth.Incremental.SkippedApp == config.SkippedAnonymous {
			o.skipped = append(o.skipped, a.ID)
		}
	}
	return o
}
