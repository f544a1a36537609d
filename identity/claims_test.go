package identity_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// seen is what of a person's claims reaches a principal.
type seen struct {
	Tenant ostiary.Tenant
	Sites  []ostiary.Site
	Roles  []string
	Admin  bool
}

// read takes claims the way they really go: into storage and out again.
func read(t *testing.T, claims string) seen {
	t.Helper()
	h := newHouse(t, func(c *conf) { c.admins = identity.AdminsAllow })
	var c identity.Claims
	if err := json.Unmarshal([]byte(claims), &c); err != nil {
		t.Fatal(err)
	}
	_, secret := h.token(t, h.person(t, "alice", c), spec("laptop"))
	p := h.mustBearer(t, secret)
	return seen{p.Tenant, p.Sites, p.Roles, p.Admin}
}

func TestClaimsAreReadByTheirTypes(t *testing.T) {
	for name, c := range map[string]struct {
		claims string
		want   seen
	}{
		"all of them":                {`{"tenant":"acme","sites":["A","B"],"roles":["manager"],"isAdmin":true}`, seen{"acme", []ostiary.Site{"A", "B"}, []string{"manager"}, true}},
		"none":                       {`{}`, seen{}},
		"one site as a string":       {`{"sites":"A"}`, seen{Sites: []ostiary.Site{"A"}}},
		"sites under the other name": {`{"tenants":["A"]}`, seen{Sites: []ostiary.Site{"A"}}},
		"the first name wins":        {`{"sites":["A"],"tenants":["B"]}`, seen{Sites: []ostiary.Site{"A"}}},
		"an empty list is present":   {`{"sites":[],"tenants":["B"]}`, seen{Sites: []ostiary.Site{}}},
		"null is absent":             {`{"sites":null,"tenants":["B"]}`, seen{Sites: []ostiary.Site{"B"}}},
		"a wrong type is absent":     {`{"sites":{"A":true},"tenants":["B"]}`, seen{Sites: []ostiary.Site{"B"}}},
		"integers are digits":        {`{"sites":[17,-3,0]}`, seen{Sites: []ostiary.Site{"17", "-3", "0"}}},
		"one integer":                {`{"sites":17}`, seen{Sites: []ostiary.Site{"17"}}},
		"no digit is lost":           {`{"sites":[9007199254740993,18446744073709551615,123456789012345678901234567890]}`, seen{Sites: []ostiary.Site{"9007199254740993", "18446744073709551615", "123456789012345678901234567890"}}},
		"fractions are no sites":     {`{"sites":[1.5]}`, seen{}},
		"exponents are no sites":     {`{"sites":[1e3]}`, seen{}},
		"a bool spoils the list":     {`{"sites":["A",true]}`, seen{}},
		"an empty id spoils it":      {`{"sites":["A",""]}`, seen{}},
		"a nested list spoils it":    {`{"sites":[["A"]]}`, seen{}},
		"numbers are no roles":       {`{"roles":[1]}`, seen{}},
		"a number is no tenant":      {`{"tenant":42}`, seen{}},
		"a list is no tenant":        {`{"tenant":["acme"]}`, seen{}},
		"a string is no admin":       {`{"isAdmin":"true"}`, seen{}},
		"a number is no admin":       {`{"isAdmin":1}`, seen{}},
		"case matters":               {`{"Sites":["A"],"ISADMIN":true}`, seen{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(t, c.claims)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAClaimPathGoesIntoNestedObjects(t *testing.T) {
	paths := identity.ClaimPaths{Tenant: []string{"org.name", "tenant"}}
	users := identity.NewUsers(newHouse(t).db, nil, nil, nil, paths)
	for name, c := range map[string]struct {
		claims identity.Claims
		want   ostiary.Tenant
	}{
		"nested":                        {identity.Claims{"org": map[string]any{"name": "acme"}, "tenant": "other"}, "acme"},
		"a member with the dotted name": {identity.Claims{"org.name": "acme", "org": map[string]any{"name": "no"}}, "acme"},
		"the way is no object":          {identity.Claims{"org": "acme", "tenant": "other"}, "other"},
		"nothing there":                 {identity.Claims{"org": map[string]any{}}, ""},
	} {
		if got := users.Tenant(identity.User{Claims: c.claims}); got != c.want {
			t.Errorf("%s: got %q; want %q", name, got, c.want)
		}
	}
}

func TestClaimsOfAConfigurationFileAreReadAlike(t *testing.T) {
	h := newHouse(t, func(c *conf) {
		c.users = []identity.User{{ID: "bob", Claims: identity.Claims{"sites": []any{1, int64(2), uint64(18446744073709551615), 4.0, "e"}}}}
	})
	bob, err := h.users.Get(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	_, secret := h.token(t, bob, spec("laptop"))
	want := []ostiary.Site{"1", "2", "18446744073709551615", "4", "e"}
	if diff := cmp.Diff(want, h.mustBearer(t, secret).Sites); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
