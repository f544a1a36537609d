package session_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
)

func at(tenant string, sites ...any) identity.Claims {
	return identity.Claims{"tenant": tenant, "sites": sites}
}

func TestATokenOfAnOwnedClientIsGoodWhileItsPersonBelongsThere(t *testing.T) {
	h := newHouse(t, func(c *conf) {
		c.config.Owner = func(id ostiary.ClientID) (session.Owner, bool) {
			return session.Owner{Tenant: "acme", Sites: []ostiary.Site{"site-A", "site-C"}}, id == "billing"
		}
	})
	h.person(t, "dave", at("acme", "site-A", "site-B"))
	tokens := map[ostiary.ClientID]ostiary.Secret{}
	for _, id := range []ostiary.ClientID{"billing", "agent"} {
		ses := h.open(t, h.draft(func(d *session.Draft) { d.Subject, d.Client.ID = "dave", id }))
		tokens[id] = h.mint(t, ses.ID, session.Narrowing{}).Secret
	}
	if p := h.good(t, tokens["billing"]); !slices.Equal(p.Sites, []ostiary.Site{"site-A"}) {
		t.Errorf("got sites %q; want the client's alone", p.Sites)
	}
	if p := h.good(t, tokens["agent"]); !slices.Equal(p.Sites, []ostiary.Site{"site-A", "site-B"}) {
		t.Errorf("an agent: got sites %q; want all of the person's", p.Sites)
	}
	for _, c := range []struct {
		claims identity.Claims
		good   bool
	}{
		{at("acme", "site-B"), false},
		{at("acme"), false},
		{at("other", "site-A"), false},
		{at("acme", "site-C", "site-B"), true},
	} {
		_, err := h.users.Update(t.Context(), "dave", by, func(u *identity.User) { u.Claims = c.claims })
		must(t, err)
		i := h.over(t, h.raw) // which remembers nothing
		i.good(t, tokens["agent"])
		if !c.good {
			i.invalid(t, tokens["billing"])
			continue
		}
		if p := i.good(t, tokens["billing"]); !slices.Equal(p.Sites, []ostiary.Site{"site-C"}) {
			t.Errorf("back with another site: got %q", p.Sites)
		}
	}
}
