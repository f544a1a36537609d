package client

// A Kind decides which rules a client is under. The zero Kind is under rules
// that let it do nothing.
type Kind string

// The kinds.
const (
	Agent        Kind = "agent"        // acts for a person, with what they opened for it
	Plugin       Kind = "plugin"       // fixed places to return to, scopes that stand for others
	Resource     Kind = "resource"     // belongs to an app or to sites
	Machine      Kind = "machine"      // acts for itself
	Introspector Kind = "introspector" // asks about tokens, and nothing else
)

// The grant types that clients use here.
const (
	GrantCode        = "authorization_code"
	GrantRefresh     = "refresh_token"
	GrantCredentials = "client_credentials"
)

// Rules are what differs from kind to kind.
type Rules struct {
	// Grants are the grant types of the token endpoint that it may use.
	Grants []string
	// Consent is the last part of its consent route, behind /oauth/consent/{id};
	// "" for none.
	Consent string
	// Owned: a person who uses it must belong to the app or sites that own it.
	Owned bool
	// Introspects: it may ask about tokens that were not issued to it.
	Introspects bool
	// redirects: it sends persons here and gets them back.
	redirects bool
	// anyLabel: the host of a redirect URI may begin with "*.", which stands for
	// one label.
	anyLabel bool
	// proves: it can't do without a secret or keys.
	proves bool
}

// Rules of the kind. This is the only place that tells kinds apart.
func (k Kind) Rules() Rules {
	byPerson := []string{GrantCode, GrantRefresh}
	switch k {
	case Agent:
		return Rules{Grants: byPerson, Consent: "mcp", redirects: true}
	case Plugin:
		return Rules{Grants: byPerson, Consent: "plugin", redirects: true, anyLabel: true}
	case Resource:
		return Rules{Grants: byPerson, Owned: true, redirects: true}
	case Machine:
		return Rules{Grants: []string{GrantCredentials}, proves: true}
	case Introspector:
		return Rules{Introspects: true, proves: true}
	default:
		return Rules{}
	}
}
