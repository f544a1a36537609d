package identity

import "testing"

func TestAnIssuersWordCountsAsFarAsItIsAllowed(t *testing.T) {
	paths := ClaimPaths{Tenant: []string{"org.id"}, Sites: []string{"sites"}, Roles: []string{"groups"}, Admin: []string{"isAdmin"}}
	said := Claims{"org": map[string]any{"id": "acme"}, "sites": []any{"site-A"}, "groups": []any{"manager", "owner", "other"}, "isAdmin": true, "more": 1}
	for name, c := range map[string]struct {
		allow  Allow
		said   Claims
		tenant string
		sites  int
		roles  []string
		admin  bool
	}{
		"nothing":                 {},
		"its tenant":              {allow: Allow{Tenants: []string{"acme"}}, tenant: "acme", sites: 1},
		"another tenant":          {allow: Allow{Tenants: []string{"other"}}},
		"any tenant":              {allow: Allow{Tenants: []string{"*"}}, tenant: "acme", sites: 1},
		"sites of no tenant":      {allow: Allow{Tenants: []string{"acme"}}, said: Claims{"sites": []any{"site-A"}}},
		"sites where any may be":  {allow: Allow{Tenants: []string{"*"}}, said: Claims{"sites": []any{"site-A"}}, sites: 1},
		"any role":                {allow: Allow{Roles: []string{"*"}}, roles: []string{"manager", "other"}},
		"an admin's role by name": {allow: Allow{Roles: []string{"owner"}}},
		"one role":                {allow: Allow{Roles: []string{"manager"}}, roles: []string{"manager"}},
		"admins":                  {allow: Allow{Admin: true}, admin: true},
		"admins by role":          {allow: Allow{Admin: true, Roles: []string{"owner"}}, roles: []string{"owner"}, admin: true},
	} {
		if c.said == nil {
			c.said = said
		}
		got := paths.read(paths.Limit(c.said, c.allow))
		if string(got.tenant) != c.tenant || len(got.sites) != c.sites || len(got.roles) != len(c.roles) || got.admin != c.admin {
			t.Errorf("%s: got %+v", name, got)
		}
		for i, role := range c.roles {
			if got.roles[i] != role {
				t.Errorf("%s: got roles %q", name, got.roles)
			}
		}
	}
}
