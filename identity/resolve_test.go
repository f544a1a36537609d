package identity_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

func TestAPersonalTokenBecomesAPrincipal(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) {
		s.Apps, s.Tools, s.Sites = ids("crm", "notes"), ids("crm:*"), ids("site-B", "site-C")
	}))
	got := h.mustBearer(t, secret)
	want := &ostiary.Principal{
		Subject: "alice", Client: ostiary.Client{ID: "personal", Name: "laptop", Verified: true}, Tenant: "acme",
		Sites: []ostiary.Site{"site-B"}, Roles: []string{"manager"}, Scopes: []string{"mcp:write", "crm:write", "notes:write"},
		Tier: ostiary.TierWrite, Apps: ids("crm", "notes"), Tools: ids("crm:*"), Session: p.Session,
		Resources: []string{"/mcp", "/crm/mcp", "/notes/mcp"}, AuthTime: h.clock.Now(),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ostiary.Principal{}, "Epochs")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestATokenForAllAppsIsGoodEverywhere(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop"))
	p := h.mustBearer(t, secret)
	if !p.For("/mcp") || !p.For("/crm/mcp") || !p.HasScope("crm:read") || !p.HasScope("crm:write") || p.HasScope("crm:admin") {
		t.Errorf("got resources %v, scopes %v", p.Resources, p.Scopes)
	}
}

func TestATokenForNoAppReachesNone(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) { s.Apps, s.Tools, s.Sites = ids(), ids(), ids() }))
	p := h.mustBearer(t, secret)
	if p.Apps.Has("crm") || p.Tools.Has("crm:get") || len(p.Sites) != 0 || p.For("/crm/mcp") || p.HasScope("crm:read") {
		t.Errorf("got %+v; want nothing reached", p)
	}
}

func TestSitesAreThoseOfTokenAndPersonBoth(t *testing.T) {
	for name, c := range map[string]struct {
		claims any
		token  ostiary.Selection
		want   []ostiary.Site
	}{
		"all of the person's":            {[]any{"A", "B"}, all, []ostiary.Site{"A", "B"}},
		"some of them":                   {[]any{"A", "B"}, ids("B"), []ostiary.Site{"B"}},
		"some that are not theirs":       {[]any{"A"}, ids("A", "X"), []ostiary.Site{"A"}},
		"none in common":                 {[]any{"A"}, ids("a"), []ostiary.Site{}},
		"none for the token":             {[]any{"A"}, ids(), []ostiary.Site{}},
		"none claimed, all asked":        {nil, all, nil},
		"none claimed, some asked":       {nil, ids("A"), []ostiary.Site{}},
		"an empty claim, all asked":      {[]any{}, all, []ostiary.Site{}},
		"a list that says \"all\" is so": {[]any{"A"}, ids("all", "*"), []ostiary.Site{}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			_, secret := h.token(t, h.person(t, "alice", identity.Claims{"sites": c.claims}), spec("laptop", func(s *identity.PersonalSpec) { s.Sites = c.token }))
			if diff := cmp.Diff(c.want, h.mustBearer(t, secret).Sites); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAdminRightsOfAPersonThreeWays(t *testing.T) {
	admin := identity.Claims{"isAdmin": true, "roles": []any{"manager"}}
	owner := identity.Claims{"roles": []any{"manager", "owner", "admin", "superadmin"}}
	plain := identity.Claims{"roles": []any{"manager"}}
	for name, c := range map[string]struct {
		admins identity.Admins
		claims identity.Claims
		good   bool
		admin  bool
		roles  []string
	}{
		"allow claim":      {identity.AdminsAllow, admin, true, true, []string{"manager"}},
		"allow roles":      {identity.AdminsAllow, owner, true, false, []string{"manager", "owner", "admin", "superadmin"}},
		"strip claim":      {identity.AdminsStrip, admin, true, false, []string{"manager"}},
		"strip roles":      {identity.AdminsStrip, owner, true, false, []string{"manager"}},
		"by default strip": {"", owner, true, false, []string{"manager"}},
		"unknown strips":   {"Allow", admin, true, false, []string{"manager"}},
		"reject claim":     {identity.AdminsReject, admin, false, false, nil},
		"reject roles":     {identity.AdminsReject, owner, false, false, nil},
		"reject not all":   {identity.AdminsReject, plain, true, false, []string{"manager"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(conf *conf) { conf.admins = c.admins })
			_, secret := h.token(t, h.person(t, "alice", c.claims), spec("laptop"))
			p, err := h.bearer(t, secret)
			if !c.good {
				h.wantInvalid(t, secret)
				return
			}
			if err != nil || p.Admin != c.admin || !slices.Equal(p.Roles, c.roles) {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestTheOperatorFlagNeverTravelsInATokenOfAnAgent(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.admins = identity.AdminsAllow; c.users = []identity.User{{ID: "root", Admin: true}} })
	root, _ := h.users.Get(t.Context(), "root")
	_, secret := h.token(t, root, spec("laptop"))
	if p := h.mustBearer(t, secret); p.Admin || len(p.Roles) != 0 {
		t.Errorf("got admin %v, roles %v; want neither", p.Admin, p.Roles)
	}
}

func TestATokenIsGoodUntilTheInstantOfItsEnd(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) { s.TTL = time.Hour }))
	h.clock.pass(time.Hour - 1)
	h.mustBearer(t, secret)
	h.clock.pass(1)
	h.wantInvalid(t, secret)
	if _, err := h.over(t, h.raw).bearer(t, secret); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("elsewhere: got %v; want %v", err, identity.ErrInvalidToken)
	}
}

func TestATokenIsGoodFromItsAddressesOnly(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) {
		s.CIDRs = prefixes("192.0.2.128/25", "2001:db8::/32", "::ffff:203.0.113.0/120")
	}))
	for addr, good := range map[string]bool{
		"192.0.2.128": true, "192.0.2.255": true, "192.0.2.127": false, "192.0.3.0": false,
		"::ffff:192.0.2.200": true, "::ffff:192.0.2.1": false, "::192.0.2.200": false,
		"2001:db8::1": true, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": true, "2001:db9::1": false, "2001:db8::1%eth0": true,
		"203.0.113.9": true, "::ffff:203.0.113.9": true, "203.0.114.9": false, "": false,
	} {
		var a netip.Addr
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		_, err := h.resolver.Bearer(t.Context(), secret.Reveal(), a)
		if (err == nil) != good || err != nil && !errors.Is(err, identity.ErrInvalidToken) {
			t.Errorf("%q: got %v; want good %v", addr, err, good)
		}
	}
}

func TestWhatIsNoPersonalTokenIsNobody(t *testing.T) {
	h := newHouse(t)
	for _, text := range []string{"", "x", "ost_pat_"} {
		h.wantInvalid(t, ostiary.Secret(text))
	}
	for _, k := range kinds {
		h.wantInvalid(t, identity.Mint(k))
	}
}

func TestAMalformedTokenIsRefusedWithoutLookingItUp(t *testing.T) {
	h := newHouse(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	good := identity.Mint(identity.KindPersonal).Reveal()
	i.wantInvalid(t, ostiary.Secret(good[:len(good)-1]))
	i.wantInvalid(t, identity.Mint(identity.KindOperator))
}

func TestAStorageFaultIsNoInvalidToken(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop"))
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	if _, err := i.bearer(t, secret); !errors.Is(err, errDown) || errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("got %v; want that storage is down", err)
	}
	f.reads = nil
	i.mustBearer(t, secret)
}

// What takes a right away on one instance is seen on another one, that has
// remembered the principal, as soon as its commit has found the epochs moved.
func TestWhatEndsOnOneInstanceIsRefusedOnAnother(t *testing.T) {
	update := func(edit func(*identity.User)) func(*house, identity.Personal) error {
		return func(h *house, _ identity.Personal) error {
			_, err := h.users.Update(t.Context(), "alice", by, edit)
			return err
		}
	}
	for name, c := range map[string]struct {
		end  func(*house, identity.Personal) error
		good func(*ostiary.Principal) bool // nil: not at all
	}{
		"revoked": {func(h *house, p identity.Personal) error {
			_, err := h.tokens.Revoke(t.Context(), p.ID, "", by)
			return err
		}, nil},
		"rotated": {func(h *house, p identity.Personal) error {
			_, _, err := h.tokens.Rotate(t.Context(), p, by)
			return err
		}, nil},
		"disabled":      {update(func(u *identity.User) { u.Disabled = true }), nil},
		"deleted":       {func(h *house, _ identity.Personal) error { return h.users.Delete(t.Context(), "alice", by) }, nil},
		"a site less":   {update(func(u *identity.User) { u.Claims["sites"] = []any{"site-B"} }), func(p *ostiary.Principal) bool { return len(p.Sites) == 1 }},
		"a role less":   {update(func(u *identity.User) { delete(u.Claims, "roles") }), func(p *ostiary.Principal) bool { return p.Roles == nil }},
		"moved tenants": {update(func(u *identity.User) { u.Claims["tenant"] = "other" }), func(p *ostiary.Principal) bool { return p.Tenant == "other" }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			token, secret := h.token(t, h.alice(t), spec("laptop"))
			elsewhere := h.over(t, h.raw)
			before := elsewhere.mustBearer(t, secret)
			if err := c.end(h, token); err != nil {
				t.Fatal(err)
			}

			var tx store.Tx
			elsewhere.epochs.Assert(&tx, store.EpochsOf(before), before.Epochs)
			if _, err := elsewhere.db.Commit(t.Context(), tx); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("got %v; want a call under the old epochs to conflict", err)
			}
			elsewhere.epochs.Forget(store.EpochsOf(before))
			after, err := elsewhere.bearer(t, secret)
			if c.good == nil {
				wantError(t, err, identity.ErrInvalidToken)
				return
			}
			if err != nil || !c.good(after) {
				t.Errorf("got %+v, %v; want what is left", after, err)
			}
		})
	}
}

func TestWhatIsRememberedIsNeverOlderThanItsEpochs(t *testing.T) {
	h := newHouse(t)
	token, secret := h.token(t, h.alice(t), spec("laptop"))
	for reads := 1; reads < 20; reads++ {
		s := &meanwhile{Store: h.raw}
		i := h.over(t, s)
		s.after, s.do = reads, func() {
			if _, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Claims["roles"] = []any{"none"} }); err != nil {
				t.Error(err)
			}
		}
		p, err := i.bearer(t, secret)
		if err != nil {
			t.Fatal(err)
		}
		if s.do != nil {
			return
		}
		i.epochs.Forget(personalEpochs(token))
		now, err := i.epochs.Of(t.Context(), personalEpochs(token))
		if err != nil || now == p.Epochs && p.Roles[0] != "none" {
			t.Fatalf("changed after %d reads: got the old roles under the new epochs (%v)", reads, err)
		}
		if _, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Claims["roles"] = []any{"manager"} }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithoutAnEpochMovedNothingIsReadAgain(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop"))
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	i.mustBearer(t, secret)
	f.reads = errDown
	i.mustBearer(t, secret)
}

func TestACallerWithoutATokenIsAnonymousInPublicModeOnly(t *testing.T) {
	if p, err := newHouse(t).resolver.Anonymous(t.Context()); p != nil || err != nil {
		t.Errorf("got %+v, %v; want nobody", p, err)
	}
	h := newHouse(t, func(c *conf) {
		c.public = &identity.Anonymous{Scopes: []string{"mcp:read", "crm:read"}, Apps: ids("crm")}
	})
	p, err := h.resolver.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &ostiary.Principal{
		Anonymous: true, Tier: ostiary.TierRead, Scopes: []string{"mcp:read", "crm:read"}, Apps: ids("crm"), Tools: all, Resources: []string{"*"},
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreFields(ostiary.Principal{}, "Epochs")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var tx store.Tx
	h.epochs.BumpDeployment(&tx)
	if _, err := h.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	h.epochs.Forget(store.EpochIDs{})
	if again, _ := h.resolver.Anonymous(t.Context()); again.Epochs == p.Epochs {
		t.Error("got the same epochs after the deployment's moved")
	}
}

func TestARememberedTokenCostsNoMemory(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(t, h.alice(t), spec("laptop"))
	text, ctx := secret.Reveal(), t.Context()
	n := testing.AllocsPerRun(100, func() {
		if _, err := h.resolver.Bearer(ctx, text, anybody); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("got %v allocations; want two at most", n)
	}
}

func BenchmarkBearer(b *testing.B) {
	h := newHouse(b)
	_, secret := h.token(b, h.alice(b), spec("laptop", func(s *identity.PersonalSpec) { s.CIDRs = prefixes("192.0.2.0/24") }))
	text, ctx := secret.Reveal(), b.Context()
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.resolver.Bearer(ctx, text, anybody); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			i := identity.NewResolver(h.tokens, "", nil)
			if _, err := i.Bearer(ctx, text, anybody); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("malformed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.resolver.Bearer(ctx, text[:len(text)-1]+"!", anybody); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}
