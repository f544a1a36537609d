package approval

import "github.com/ostiary/ostiary"

// A Grantor is who gave a yes or no, and how.
type Grantor struct {
	Source      string `json:"source"` // user, policy, admin, system, agent, api, test
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name,omitempty"`
	Method      string `json:"method"`           // interactive, implicit, delegation, batch, api
	Origin      string `json:"origin,omitempty"` // page, cli, api, config
}

// A Revoker is who took it back.
type Revoker struct {
	Source      string `json:"source"` // a Grantor's, or expiry, session_end
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name,omitempty"`
	Method      string `json:"method"` // interactive, implicit, policy, expiry
}

// UserGrantor is a person who answered on a page or in a terminal.
func UserGrantor(s ostiary.Subject, name, origin string) Grantor {
	return Grantor{Source: "user", Identifier: string(s), DisplayName: name, Method: "interactive", Origin: origin}
}

// AdminGrantor is an operator who granted without being asked.
func AdminGrantor(s ostiary.Subject, name, origin string) Grantor {
	return Grantor{Source: "admin", Identifier: string(s), DisplayName: name, Method: "interactive", Origin: origin}
}

// UserRevoker is a person who took a yes or no back.
func UserRevoker(s ostiary.Subject, name string) Revoker {
	return Revoker{Source: "user", Identifier: string(s), DisplayName: name, Method: "interactive"}
}

// SessionEnd revokes what ends with an authorization session.
func SessionEnd(id ostiary.SessionID) Revoker {
	return Revoker{Source: "session_end", Identifier: string(id), Method: "implicit"}
}
