package session

import (
	"fmt"
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

// NeededTier is the tier that scopes come to: the one that they name or, where
// they name apps alone, the highest of those. None come to none.
func NeededTier(scopes []string) ostiary.Tier {
	tier, named := TierOf(scopes)
	if named {
		return tier
	}
	for _, s := range scopes {
		_, what, _ := strings.Cut(s, ":")
		t, tiered := ostiary.ParseTier(what)
		switch {
		case what == "*":
			t = ostiary.TierAdmin
		case !tiered:
			t = ostiary.TierRead
		}
		tier = max(tier, t)
	}
	return tier
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
	of := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return AppOf(s) != app })
	if len(of) == 0 {
		return []string{app + ":" + tier.String()}
	}
	return of
}

// AppOf is the app that a scope is of: what stands before its colon; "": it has
// none.
func AppOf(scope string) string {
	app, _, ok := strings.Cut(scope, ":")
	if !ok {
		return ""
	}
	return app
}

// Allowed says whether a client that may have at most some scopes can be given
// one. A tier on all apps is one on each; where only scopes of apps are
// allowed, the tier is what those come to.
func Allowed(ceiling []string, scope string) bool {
	if Covers(ceiling, scope) {
		return true
	}
	app, what, _ := strings.Cut(scope, ":")
	tier, tiered := ostiary.ParseTier(what)
	if app == "mcp" {
		return tiered && tier <= NeededTier(ceiling)
	}
	top, _ := TierOf(ceiling)
	return tiered && tier <= top
}

func checkCeiling(c Client, scopes []string) error {
	for _, s := range scopes {
		if !Allowed(c.Ceiling, s) {
			return fmt.Errorf("%w: %q", ErrCeiling, s)
		}
	}
	return nil
}

// A reach is what a token reaches of its session.
type reach struct {
	tier    ostiary.Tier
	scopes  []string
	apps    ostiary.Selection
	skipped ostiary.Selection
}

// narrowed is a reach under the scopes that a token was narrowed to; nil: it
// was not. A tier narrows every app to it, but for those that scopes are named
// of; without one, only the apps that are named are left.
func (r reach) narrowed(to []string) reach {
	if to == nil {
		return r
	}
	held := slices.DeleteFunc(slices.Clone(to), func(s string) bool { return AppOf(s) != "mcp" && !Covers(r.scopes, s) })
	out := reach{tier: min(NeededTier(held), r.tier)}
	_, named := TierOf(to)
	if named {
		out.apps, out.skipped = r.apps, r.skipped
		out.scopes = []string{"mcp:" + out.tier.String()}
		for _, s := range r.scopes {
			if s = lowered(s, out.tier, to); s != "" {
				out.scopes = append(out.scopes, s)
			}
		}
	}
	for _, s := range held {
		app := AppOf(s)
		if app == "mcp" {
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
	case app == "mcp", slices.ContainsFunc(named, func(s string) bool { return AppOf(s) == app }):
		return ""
	case tiered:
		return app + ":" + min(t, to).String()
	case what == "*":
		return app + ":" + to.String()
	}
	return ""
}
