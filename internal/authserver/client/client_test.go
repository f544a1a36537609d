package client

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary"
)

func TestWhatAStaticClientIs(t *testing.T) {
	loopback, web := Redirects{Loopback: true}, Redirects{URIs: []string{"https://a.example/cb"}}
	star := Redirects{URIs: []string{"https://*.acme.example/cb"}}
	for name, c := range map[string]struct {
		kind      Kind
		redirects Redirects
		secret    ostiary.Secret
		keys      string
		methods   []Method // nil: refused
	}{
		"an agent":                      {Agent, loopback, "", "", []Method{None}},
		"an agent with a secret":        {Agent, loopback, "s", "", []Method{Basic, Post}},
		"an agent that returns nowhere": {Agent, Redirects{}, "", "", nil},
		"an agent with a star":          {Agent, star, "", "", nil},
		"a plugin with a star":          {Plugin, star, "", "", []Method{None}},
		"a star for a top-level name":   {Plugin, Redirects{URIs: []string{"https://*.example/cb"}}, "", "", nil},
		"a resource client":             {Resource, web, "s", "", []Method{Basic, Post}},
		"in the clear":                  {Resource, Redirects{URIs: []string{"http://a.example/cb"}}, "s", "", nil},
		"with a fragment":               {Resource, Redirects{URIs: []string{"https://a.example/cb#"}}, "s", "", nil},
		"a machine with keys":           {Machine, Redirects{}, "", "https://a.example/jwks", []Method{PrivateKey}},
		"a machine with both":           {Machine, Redirects{}, "s", "https://a.example/jwks", []Method{Basic, Post, PrivateKey}},
		"a machine that proves nothing": {Machine, Redirects{}, "", "", nil},
		"a machine with redirects":      {Machine, web, "s", "", nil},
		"an introspector":               {Introspector, Redirects{}, "s", "", []Method{Basic, Post}},
		"an introspector without":       {Introspector, Redirects{}, "", "", nil},
		"of no kind":                    {"", loopback, "", "", nil},
		"of another kind":               {"Agent", loopback, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NewStatic(Client{ID: "x", Kind: c.kind, Redirects: c.redirects}, c.secret, c.keys)
			if (err == nil) != (c.methods != nil) || !slices.Equal(got.Methods, c.methods) {
				t.Errorf("got %v, %v; want %v", got.Methods, err, c.methods)
			}
			if err == nil && (got.Origin != Static || !got.Verified() || got.Public() != (c.methods[0] == None)) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestNobodyHasTheIDOfPersonalTokens(t *testing.T) {
	for id, ok := range map[ostiary.ClientID]bool{"personal": false, "": false, "Personal": true, "personal2": true} {
		if _, err := NewStatic(Client{ID: id, Kind: Agent, Redirects: Redirects{Loopback: true}}, "", ""); (err == nil) != ok {
			t.Errorf("%q: got %v; want taken %t", id, err, ok)
		}
	}
}

func TestAClientUsesTheGrantsOfItsKindOnly(t *testing.T) {
	everything := []string{GrantCode, GrantRefresh, GrantCredentials}
	for kind, want := range map[Kind][]string{
		Agent: {GrantCode, GrantRefresh}, Plugin: {GrantCode, GrantRefresh}, Resource: {GrantCode, GrantRefresh},
		Machine: {GrantCredentials}, Introspector: nil, "": nil,
	} {
		c := Client{Kind: kind, Grants: everything}
		var got []string
		for _, g := range append(everything, "password", "") {
			if c.Uses(g) {
				got = append(got, g)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("kind %q: got %q; want %q", kind, got, want)
		}
	}
	if c := (Client{Kind: Agent, Grants: []string{GrantCode}}); c.Uses(GrantRefresh) {
		t.Error("an agent that asked for codes alone may refresh")
	}
}

func TestAnAgentsScopeOpensAllOthers(t *testing.T) {
	agent, narrow := Client{Scopes: []string{AgentScope}}, Client{Scopes: []string{"mcp:read"}}
	for _, scope := range []string{AgentScope, "mcp:read", "mcp:admin", "crm:*"} {
		if !agent.MayAsk(scope) || narrow.MayAsk(scope) != (scope == "mcp:read") {
			t.Errorf("%s: agent %t, narrow %t", scope, agent.MayAsk(scope), narrow.MayAsk(scope))
		}
	}
	if (&Client{}).MayAsk("mcp:read") {
		t.Error("a client without scopes may ask for one")
	}
}

func TestAScopeStandsForWhatTheMapSays(t *testing.T) {
	c := Client{ScopeMap: map[string][]string{"plugin": {"mcp:read", "crm:*"}, "nothing": {}}}
	for scope, want := range map[string][]string{"plugin": {"mcp:read", "crm:*"}, "nothing": {}, "mcp:write": {"mcp:write"}} {
		if got := c.StandsFor(scope); !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", scope, got, want)
		}
	}
}
