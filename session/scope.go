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

// TopTier is the highest tier that scopes come to anywhere: on all apps, or on
// one. A scope that names no tier comes to read; none come to none.
func TopTier(scopes []string) ostiary.Tier {
	top := ostiary.TierNone
	for _, s := range scopes {
		_, what, _ := strings.Cut(s, ":")
		top = max(top, ostiary.TierRead)
		if t, ok := tierNamed(what); ok {
			top = max(top, t)
		}
	}
	return top
}

// tierNamed is the tier of what stands behind a scope's colon: everything of an
// app is its highest.
func tierNamed(what string) (ostiary.Tier, bool) {
	if what == "*" {
		return ostiary.TierAdmin, true
	}
	return ostiary.ParseTier(what)
}

// Granted are the scopes that come of what was asked, for the apps that were
// opened, at most at the tier that the person chose and within what the client
// may have. Scopes add up: what is asked of one app is asked besides what is
// asked of all. Where none was asked, or AnyScope, all that is chosen is asked.
func Granted(chosen ostiary.Tier, apps, asked, ceiling []string) []string {
	base, _ := TierOf(asked)
	if len(asked) == 0 || slices.Contains(asked, AnyScope) {
		base = ostiary.TierAdmin
	}
	out := within(ceiling, "mcp", min(chosen, base))
	for _, app := range apps {
		out = append(out, grantedOf(app, chosen, base, asked, ceiling)...)
	}
	return out
}

func grantedOf(app string, chosen, base ostiary.Tier, asked, ceiling []string) []string {
	top, whole := base, app+":*"
	var others []string
	for _, s := range asked {
		if AppOf(s) != app {
			continue
		}
		if t, ok := tierNamed(s[len(app)+1:]); ok {
			top = max(top, t)
		} else if Covers(ceiling, s) {
			others = append(others, s)
		}
	}
	if chosen == ostiary.TierAdmin && slices.Contains(asked, whole) && Covers(ceiling, whole) {
		return []string{whole}
	}
	return append(within(ceiling, app, min(chosen, top)), others...)
}

// within is a tier on an app, or the highest below it that a client may have;
// none: it may have none.
func within(ceiling []string, app string, t ostiary.Tier) []string {
	for ; t > ostiary.TierNone; t-- {
		if scope := app + ":" + t.String(); Allowed(ceiling, scope) {
			return []string{scope}
		}
	}
	return nil
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
// one. A tier on all apps is one on each.
func Allowed(ceiling []string, scope string) bool {
	if Covers(ceiling, scope) {
		return true
	}
	_, what, _ := strings.Cut(scope, ":")
	tier, tiered := ostiary.ParseTier(what)
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
// was not. A tier narrows every app to it, and scopes of apps are held besides;
// without a tier, only the apps that are named are left.
func (r reach) narrowed(to []string) reach {
	if to == nil {
		return r
	}
	var out reach
	top, named := TierOf(to)
	if named {
		out.apps, out.skipped = r.apps, r.skipped
		for _, s := range r.scopes {
			if _, tiered := tierNamed(whatOf(s)); tiered {
				out.scopes = append(out.scopes, lowered(s, top))
			}
		}
	}
	for _, s := range to {
		if app := AppOf(s); app != "" && app != "mcp" && Covers(r.scopes, s) {
			out.scopes = append(out.scopes, s)
			if r.apps.Has(app) && !out.apps.Has(app) {
				out.apps.IDs = append(out.apps.IDs, app)
			}
		}
	}
	out.scopes = tidy(out.scopes)
	out.tier = min(TopTier(out.scopes), r.tier)
	return out
}

// at is a reach as far as it is of use at some endpoints.
func (r reach) at(resources []string) reach {
	if slices.Contains(resources, "/mcp") || slices.Contains(resources, "*") {
		return r
	}
	elsewhere := func(app string) bool { return !slices.Contains(resources, "/"+app+"/mcp") }
	r.apps.IDs = slices.DeleteFunc(slices.Clone(r.apps.IDs), elsewhere)
	r.skipped.IDs = slices.DeleteFunc(slices.Clone(r.skipped.IDs), elsewhere)
	r.scopes = slices.DeleteFunc(slices.Clone(r.scopes), func(s string) bool { return AppOf(s) != "mcp" && elsewhere(AppOf(s)) })
	return r
}

// lowered is a scope at most at a tier. One that names none stays.
func lowered(scope string, to ostiary.Tier) string {
	t, tiered := tierNamed(whatOf(scope))
	if !tiered || t <= to {
		return scope
	}
	return AppOf(scope) + ":" + to.String()
}

// whatOf is what stands behind a scope's colon.
func whatOf(scope string) string {
	_, what, _ := strings.Cut(scope, ":")
	return what
}

// tidy leaves out what others of the scopes hold.
func tidy(scopes []string) (out []string) {
	for i, s := range scopes {
		held := func(other string) bool { return other != s && Covers([]string{other}, s) }
		if !slices.ContainsFunc(scopes, held) && !slices.Contains(scopes[:i], s) {
			out = append(out, s)
		}
	}
	return out
}

// settled is a session of before Granted in the terms of now: of an app it may
// hold more than its tier, and "mcp:write" beside "crm:read" is not on crm.
func (s Session) settled() Session {
	tier, ok := ostiary.ParseTier(s.Tier)
	if !ok || s.Machine || s.Foreign != nil {
		return s
	}
	scopes := make([]string, len(s.Scopes))
	for i, scope := range s.Scopes {
		scopes[i] = lowered(scope, tier)
	}
	base, _ := TierOf(scopes)
	less := func(scope string) bool {
		t, tiered := tierNamed(whatOf(scope))
		return tiered && t < base
	}
	if slices.ContainsFunc(scopes, less) {
		scopes = slices.DeleteFunc(scopes, func(scope string) bool { return AppOf(scope) == "mcp" })
	}
	s.Scopes = scopes
	return s
}
