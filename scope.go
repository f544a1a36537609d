package ostiary

import "strings"

// scopeCovers says whether holding have is holding want. A tier on an app
// holds the tiers below it, "app:*" covers every scope of the app, and
// "*:tier" is a tier on every app.
func scopeCovers(have, want string) bool {
	if have == want {
		return true
	}
	haveApp, haveWhat, ok := strings.Cut(have, ":")
	wantApp, wantWhat, ok2 := strings.Cut(want, ":")
	if !ok || !ok2 || haveApp != wantApp && haveApp != "*" {
		return false
	}
	if haveWhat == "*" {
		return haveApp != "*"
	}
	haveTier, isTier := ParseTier(haveWhat)
	wantTier, isTier2 := ParseTier(wantWhat)
	return isTier && isTier2 && haveTier >= wantTier
}

// TierIn is how far the principal reaches in an app: as far as a scope of it,
// or one on all apps, says, and no further than its tier. Where neither is
// held, that is reading; where there are no scopes at all, the tier.
func (p *Principal) TierIn(app string) Tier {
	if len(p.Scopes) == 0 {
		return p.Tier
	}
	top := TierRead
	for _, scope := range p.Scopes {
		of, what, ok := strings.Cut(scope, ":")
		switch {
		case !ok, of != app && of != "mcp" && of != "*":
		case what == "*" && of == app:
			top = TierAdmin
		default:
			t, _ := ParseTier(what)
			top = max(top, t)
		}
	}
	return min(top, p.Tier)
}
