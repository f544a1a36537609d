package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// read takes claims as somebody says them who does not check them.
func read(t *testing.T, claims string) seen {
	t.Helper()
	var said identity.Claims
	if err := json.Unmarshal([]byte(claims), &said); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *conf) {
		c.admins = identity.AdminsAllow
		c.users = []identity.User{{ID: "alice", Claims: said}}
	})
	alice, err := h.users.Get(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	_, secret := h.token(t, alice, spec("laptop"))
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
		"a tenant may be a number":   {`{"tenant":42}`, seen{Tenant: "42"}},
		"null is no tenant":          {`{"tenant":null}`, seen{}},
		"a list is nobody's tenant":  {`{"tenant":["acme"]}`, seen{Tenant: "\x00[\"acme\"]"}},
		"nothing is nobody's tenant": {`{"tenant":""}`, seen{Tenant: "\x00\"\""}},
		"no name looks like that":    {`{"tenant":"\u0000[\"acme\"]"}`, seen{Tenant: "\x00\"\\u0000[\\\"acme\\\"]\""}},
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

func TestWhoWritesClaimsDownIsToldWhatCantBeRead(t *testing.T) {
	h := newHouse(t)
	n := 0
	for claims, problem := range map[string]string{
		`{}`: "", `{"tenant":"acme","sites":["A",7],"roles":"x","isAdmin":false,"other":{"a":1}}`: "",
		`{"tenant":5}`: "", `{"tenant":null}`: "", `{"sites":[]}`: "",
		`{"tenant":["acme"]}`: "tenant", `{"tenant":""}`: "tenant", `{"tenant":true}`: "tenant", `{"tenant":1.5}`: "tenant", `{"tenant":{"a":1}}`: "tenant",
		`{"sites":{"A":true}}`: "sites", `{"tenants":[true],"sites":["A"]}`: "tenants", `{"roles":[1]}`: "roles", `{"isAdmin":"true"}`: "isAdmin",
	} {
		var c identity.Claims
		if err := json.Unmarshal([]byte(claims), &c); err != nil {
			t.Fatal(err)
		}
		n++
		id := ostiary.Subject(fmt.Sprint("p", n))
		err := h.users.Create(t.Context(), identity.User{ID: id, Claims: c}, by)
		if problem == "" && err != nil || problem != "" && (!errors.Is(err, identity.ErrUserClaims) || !strings.Contains(err.Error(), problem+" must be")) {
			t.Errorf("%s: got %v; want %q", claims, err, problem)
		}
		if problem == "" {
			continue
		}
		h.person(t, id, nil)
		if _, err := h.users.Update(t.Context(), id, by, func(u *identity.User) { u.Claims = c }); !errors.Is(err, identity.ErrUserClaims) {
			t.Errorf("changed to %s: got %v", claims, err)
		}
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
