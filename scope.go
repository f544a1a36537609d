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
