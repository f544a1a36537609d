package session

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
)

// AnyScope is the scope of clients whose person chooses tier and apps freely.
const AnyScope = "mcp-agent"

// said are scopes that OpenID clients ask for out of habit; they say nothing.
var said = []string{"openid", "profile", "email", "offline_access"}

// ParseScopes reads a `scope` parameter (RFC 6749 section 3.3), without
// repetitions and without those that say nothing here. nil: none was said.
func ParseScopes(text string) []string {
	var out []string
	for _, s := range strings.Fields(text) {
		if !slices.Contains(said, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Covers says whether scopes that somebody holds cover one more. AnyScope
// covers every one.
func Covers(have []string, want string) bool {
	p := ostiary.Principal{Scopes: have}
	return slices.Contains(have, AnyScope) || p.HasScope(want)
}

// TierOf is the highest tier that scopes name: "mcp:write". ok: they name one.
func TierOf(scopes []string) (tier ostiary.Tier, ok bool) {
	for _, s := range scopes {
		if name, is := strings.CutPrefix(s, "mcp:"); is {
			if t, is := ostiary.ParseTier(name); is {
				tier, ok = max(tier, t), true
			}
		}
	}
	return tier, ok
}

// scopesFor are those that a session holds at a tier: for each app those that
// were asked for it, else the tier.
func scopesFor(tier ostiary.Tier, apps, asked []string) []string {
	out := []string{"mcp:" + tier.String()}
	for _, app := range apps {
		out = append(out, scopesOf(app, tier, asked)...)
	}
	return out
}

func scopesOf(app string, tier ostiary.Tier, asked []string) []string {
	of := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return appOf(s) != app })
	if len(of) == 0 {
		return []string{app + ":" + tier.String()}
	}
	return of
}

func appOf(scope string) string {
	app, _, _ := strings.Cut(scope, ":")
	return app
}

// A reach is what a token reaches of its session.
type reach struct {
	tier   ostiary.Tier
	scopes []string
	apps   ostiary.Selection
}

// narrowed is a reach under the scopes that a token was narrowed to; nil: it
// was not. A tier narrows every app to it, but for those that scopes are named
// of; without one, only the apps that are named are left, at the lowest tier.
func (r reach) narrowed(to []string) reach {
	if to == nil {
		return r
	}
	out := reach{tier: min(ostiary.TierRead, r.tier)}
	tier, named := TierOf(to)
	if named {
		out = reach{tier: min(tier, r.tier), apps: r.apps}
		out.scopes = []string{"mcp:" + out.tier.String()}
		for _, s := range r.scopes {
			if s = lowered(s, out.tier, to); s != "" {
				out.scopes = append(out.scopes, s)
			}
		}
	}
	for _, s := range to {
		app := appOf(s)
		if app == "mcp" || !Covers(r.scopes, s) {
			continue
		}
		out.scopes = append(out.scopes, s)
		if !named && r.apps.Has(app) && !out.apps.Has(app) {
			out.apps.IDs = append(out.apps.IDs, app)
		}
	}
	return out
}

// lowered is a scope of an app at most at a tier; "": it has none, or others
// are named of its app.
func lowered(scope string, to ostiary.Tier, named []string) string {
	app, what, _ := strings.Cut(scope, ":")
	t, tiered := ostiary.ParseTier(what)
	switch {
	case app == "mcp", slices.ContainsFunc(named, func(s string) bool { return appOf(s) == app }):
		return ""
	case tiered:
		return app + ":" + min(t, to).String()
	case what == "*":
		return app + ":" + to.String()
	}
	return ""
}
