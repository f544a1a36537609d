package ostiary

import "strings"

// scopeCovers says whether holding have is holding want. A tier on an app
// holds the tiers below it, and "app:*" covers every scope of the app.
func scopeCovers(have, want string) bool {
	if have == want {
		return true
	}
	haveApp, haveWhat, ok := strings.Cut(have, ":")
	wantApp, wantWhat, ok2 := strings.Cut(want, ":")
	if !ok || !ok2 || haveApp != wantApp {
		return false
	}
	if haveWhat == "*" {
		return true
	}
	haveTier, isTier := ParseTier(haveWhat)
	wantTier, isTier2 := ParseTier(wantWhat)
	return isTier && isTier2 && haveTier >= wantTier
}
