package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// An Origin says where a client is known from.
type Origin string

// The origins.
const (
	Static     Origin = "static"     // the configuration
	Document   Origin = "document"   // a metadata document, which its id is the URL of
	Registered Origin = "registered" // it registered itself
)

// A Method is how a client proves to be it (RFC 7591 section 2).
type Method string

// The methods.
const (
	None       Method = "none"
	Basic      Method = "client_secret_basic"
	Post       Method = "client_secret_post"
	PrivateKey Method = "private_key_jwt"
)

// AgentScope is the scope of an agent whose reach is chosen at consent.
const AgentScope = "mcp-agent"

// A Client is one OAuth client, as it is now.
type Client struct {
	ID     ostiary.ClientID
	Name   string // for people; its own words unless Origin is Static
	Kind   Kind
	Origin Origin
	// Host is who vouches for a metadata document; "" for other origins.
	Host string
	// Methods are those that it may prove itself by; with None among them it may
	// also come without proof.
	Methods   []Method
	Redirects Redirects
	// Grants are the grant types that it may use, at most those of its kind.
	Grants []string
	// Scopes are those that it may ask for; AgentScope opens all.
	Scopes   []string
	ScopeMap map[string][]string // plugins: what each of its scopes stands for
	Owner    Owner               // resource clients
	Claims   map[string]any      // machines: what is known of it, as of a person
	// ApplicationType is "native" or "web", as it said; "" where nothing was said.
	ApplicationType string
	// Site and Logo are https addresses in its own words, to be shown as text.
	Site, Logo string
	// Created and Used are zero where they aren't known. Used is coarse.
	Created, Used time.Time

	credential credential
	fetched    time.Time // a metadata document, last
}

// An Owner says to whom a resource client belongs.
type Owner struct {
	App    string
	Tenant ostiary.Tenant // whose sites are meant; "": any
	Sites  []ostiary.Site
}

// A credential is what a client's proofs are held to.
type credential struct {
	secret ostiary.Secret // of a static client
	hash   string         // keyed, of a secret that was issued
	keys   keySource
}

// A keySource says where a client's keys are: at a URL, or here.
type keySource struct {
	url      string
	operator bool   // the operator named url
	set      []byte // a JSON Web Key Set
}

// Verified says whether the operator or a domain vouches for the name.
func (c *Client) Verified() bool { return c.Origin == Static || c.Origin == Document }

// Public says whether the client may come without any proof.
func (c *Client) Public() bool { return slices.Contains(c.Methods, None) }

// Uses says whether the client may use a grant type.
func (c *Client) Uses(grant string) bool {
	return slices.Contains(c.Grants, grant) && slices.Contains(c.Kind.Rules().Grants, grant)
}

// MayAsk says whether a scope is among those that it may ask for.
func (c *Client) MayAsk(scope string) bool {
	return slices.Contains(c.Scopes, AgentScope) || slices.Contains(c.Scopes, scope)
}

// StandsFor returns what a scope of the client stands for: what its scope map
// says, else itself.
func (c *Client) StandsFor(scope string) []string {
	if others, ok := c.ScopeMap[scope]; ok {
		return others
	}
	return []string{scope}
}

// NewStatic makes a client of the configuration. Its credential is a secret,
// keys at a URL that the operator vouches for, both, or neither. Origin, Grants
// and Methods follow from the rest.
func NewStatic(c Client, secret ostiary.Secret, keys string) (Client, error) {
	rules := c.Kind.Rules()
	if c.ID == "" || c.ID == identity.PersonalClient {
		return Client{}, fmt.Errorf("client %q: that id is nobody's to have", c.ID)
	}
	if rules.Grants == nil && !rules.Introspects {
		return Client{}, fmt.Errorf("client %q is of no kind that there is", c.ID)
	}
	if err := c.Redirects.check(rules); err != nil {
		return Client{}, fmt.Errorf("client %q: %w", c.ID, err)
	}
	c.Origin, c.Grants, c.Methods = Static, rules.Grants, nil
	c.credential = credential{secret: secret, keys: keySource{url: keys, operator: true}}
	if secret != "" {
		c.Methods = append(c.Methods, Basic, Post)
	}
	if keys != "" {
		c.Methods = append(c.Methods, PrivateKey)
	}
	if c.Methods == nil {
		c.Methods = []Method{None}
	}
	if rules.proves && c.Public() {
		return Client{}, fmt.Errorf("client %q: %w", c.ID, errors.New("its kind can't do without a secret or keys"))
	}
	return c, nil
}
