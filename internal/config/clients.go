package config

import (
	"time"

	"github.com/ostiary/ostiary"
)

// Registration is the group `auth.registration`.
type Registration struct {
	// Dynamic client registration (RFC 7591).
	Dynamic bool `yaml:"dynamic" default:"true"`
	// Client ID metadata documents: the client id is a URL that describes the client.
	MetadataDocuments bool `yaml:"metadata_documents" default:"true"`
	// Hosts of metadata documents; none means any.
	AllowedDomains []string `yaml:"allowed_domains"`
	// Redirect URIs that registered clients may have besides loopback and https ones.
	RedirectAllow []string `yaml:"redirect_allow" default:"['cursor://anysphere.cursor-mcp/oauth/callback']"`
	// May metadata documents be on private or loopback addresses?
	AllowPrivateNetworks bool `yaml:"allow_private_networks"`
	// How many registered clients are kept.
	MaxClients int `yaml:"max_clients" default:"10000" min:"1"`
	// A registration that was never used is forgotten after this long.
	UnusedTTL time.Duration `yaml:"unused_ttl" default:"24h" min:"1s"`
	// A registered client is forgotten this long after its last use.
	ClientTTL time.Duration `yaml:"client_ttl" default:"2160h" min:"1s"`
}

// A Client is an entry of `auth.clients`.
type Client struct {
	// The client id, without "|" and not `personal`. A machine's is a subject too: it
	// follows the rules of a person's, and must be no person's.
	ID string `yaml:"id" required:"true"`
	// What people call it.
	Name string `yaml:"name"`
	// What kind of client it is; the rules it is under follow from that.
	Kind ClientKind `yaml:"kind" required:"true"`
	// `loopback`, or a list of redirect URIs. For plugins a leading `*` of the host
	// stands for one label.
	RedirectURIs RedirectURIs `yaml:"redirect_uris"`
	// Scopes it may ask for.
	Scopes []string `yaml:"scopes"`
	// Plugins: what each of its scopes stands for. One without an entry stands for
	// itself, where it means something by itself.
	ScopeMap map[string][]string `yaml:"scope_map"`
	// Resource clients: whom it belongs to; never nobody.
	Owner *Owner `yaml:"owner"`
	// Client secret, of at least 8 bytes; or jwks_url, not both.
	Secret ostiary.Secret `yaml:"secret"`
	// Keys for private_key_jwt.
	JWKSURL string `yaml:"jwks_url"`
	// Machine clients: what is known of it, as for a user.
	Claims map[string]any `yaml:"claims"`
}

// An Owner says to whom a resource client belongs.
type Owner struct {
	// An app's id.
	App string `yaml:"app"`
	// The tenant whose people and sites are meant; left out, any.
	Tenant string `yaml:"tenant"`
	// Sites. It is for people of one of them, and reaches no other.
	Sites []string `yaml:"sites"`
}

// A ClientKind decides which rules a client is under.
type ClientKind string

// The kinds of `auth.clients`.
const (
	ClientAgent        ClientKind = "agent"
	ClientPlugin       ClientKind = "plugin"
	ClientResource     ClientKind = "resource"
	ClientMachine      ClientKind = "machine"
	ClientIntrospector ClientKind = "introspector"
)

func (ClientKind) options() []string {
	return texts(ClientAgent, ClientPlugin, ClientResource, ClientMachine, ClientIntrospector)
}

// RedirectURIs are the places a client's answers may go to. The zero value is
// nowhere.
type RedirectURIs struct {
	// Loopback takes http on 127.0.0.1, [::1] and localhost with any port (RFC 8252
	// section 7.3).
	Loopback bool
	// URIs are matched byte for byte, but for a plugin's leading "*" label.
	URIs []string
}
