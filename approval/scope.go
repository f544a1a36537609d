package approval

import "slices"

// A Scope is an approval scope: how far one yes reaches. It is not an OAuth
// scope.
type Scope string

// The approval scopes. Each is bound to one tenant and subject, and to the
// site where the tool is site-scoped.
const (
	// Once: this session, tool and arguments, one time.
	Once Scope = "once"
	// Session: this authorization session and tool, until it ends.
	Session Scope = "session"
	// User: this subject, client and tool, until revoked.
	User Scope = "user"
	// TimeLimited: this subject, client and tool, until a moment.
	TimeLimited Scope = "time_limited"
)

// breadth orders the scopes from narrow to wide.
var breadth = []Scope{Once, Session, TimeLimited, User}

// Known says whether s is an approval scope.
func (s Scope) Known() bool { return slices.Contains(breadth, s) }

func narrower(a, b Scope) Scope {
	if slices.Index(breadth, b) < slices.Index(breadth, a) {
		return b
	}
	return a
}
