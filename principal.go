package ostiary

import (
	"net/netip"
	"slices"
	"time"
)

// Types for ids, so that they can't be swapped.
type (
	// A Subject is the person or workload (`sub`, RFC 7519 section 4.1.2).
	Subject string
	// A Tenant is an isolation boundary; "" is the one tenant of a
	// deployment that has no others.
	Tenant string
	// A Site is a place inside a tenant.
	Site string
	// A ClientID names the OAuth client, here the agent (RFC 6749 section 2.2).
	ClientID string
	// A SessionID names an authorization session: what one person gave one
	// agent. It is not the transport's session.
	SessionID string
)

// A Tier is how far a token reaches. The zero Tier reaches nothing.
type Tier uint8

// The tiers, each holding those before it.
const (
	TierNone Tier = iota
	TierRead
	TierWrite
	TierAdmin
)

var tierNames = [...]string{"none", "read", "write", "admin"}

func (t Tier) String() string {
	if int(t) >= len(tierNames) {
		return tierNames[TierNone]
	}
	return tierNames[t]
}

// ParseTier reads "read", "write" or "admin".
func ParseTier(s string) (Tier, bool) {
	i := slices.Index(tierNames[:], s)
	if i < int(TierRead) {
		return TierNone, false
	}
	return Tier(i), true
}

// Reaches says whether the tier covers tools of a category: read reaches
// category read; write reaches read, write, delete and execute; admin all.
func (t Tier) Reaches(c Category) bool {
	switch c {
	case CategoryRead:
		return t >= TierRead && t <= TierAdmin
	case CategoryWrite, CategoryDelete, CategoryExecute:
		return t >= TierWrite && t <= TierAdmin
	default:
		return t == TierAdmin
	}
}

// A Selection is a list of ids, or all of them. The zero Selection is none:
// "all" is always said explicitly.
type Selection struct {
	All bool
	IDs []string
}

// Has says whether id is among the selected.
func (s Selection) Has(id string) bool { return s.All || slices.Contains(s.IDs, id) }

// A Client is the agent a call comes through.
type Client struct {
	ID   ClientID
	Name string // for people; said by the client itself unless Verified
	// Verified: the operator or a verified domain vouches for the name, or the
	// person themself, whose personal token it is; the name is then their words.
	Verified bool
}

// A Principal is who is asking, built once a request by identity from a
// token. Nothing in a call can add to it. The zero Principal may nothing.
type Principal struct {
	Subject   Subject
	Client    Client
	Tenant    Tenant
	Sites     []Site // nil: none
	Roles     []string
	Admin     bool // the person's isAdmin claim, where the token carries it
	Scopes    []string
	Tier      Tier                  // the highest that it reaches in any app; see TierIn
	Apps      Selection             // apps opened for this session
	Skipped   Selection             // apps that were skipped for it, whose read tools the operator lets everybody use
	Tools     Selection             // canonical ids consented to; "crm:*" takes the whole app
	Whole     map[string][]Category // apps taken whole at a consent, with the categories shown then: no tool of another is covered
	Session   SessionID             // "" for an anonymous caller
	Resources []string              // endpoints the token is for ("/mcp"); "*" means every one
	Anonymous bool                  // public mode: nobody signed in
	AuthTime  time.Time             // when the person signed in for this
	Epochs    Epochs
}

// Epochs are the versions of the five epoch records, as they were when the
// principal was built. The commit asserts them: if anything that concerns
// the session, subject, client, tenant or deployment was revoked, denied or
// lowered since, the call is decided again.
type Epochs struct {
	Session, Subject, Client, Tenant, Deployment uint64
}

// HasScope says whether the principal's scopes cover want: "crm:*" covers
// every "crm:…", and a write scope of an app covers its read scope.
func (p *Principal) HasScope(want string) bool {
	for _, have := range p.Scopes {
		if scopeCovers(have, want) {
			return true
		}
	}
	return false
}

// For says whether the principal's token is for a resource.
func (p *Principal) For(resource string) bool {
	return slices.Contains(p.Resources, "*") || slices.Contains(p.Resources, resource)
}

// A Caller is what is known of the connection a call came in on.
type Caller struct {
	Addr netip.Addr
}
