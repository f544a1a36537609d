package identity_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

func ids(s ...string) ostiary.Selection { return ostiary.Selection{IDs: s} }

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestATokenIsKeptAsItWasAskedFor(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec(" laptop ", func(s *identity.PersonalSpec) {
		s.Tier, s.Apps, s.Tools, s.Sites, s.TTL = ostiary.TierRead, ids("crm"), ids("crm:*"), ids("site-A"), time.Hour
		s.CIDRs = prefixes("192.0.2.9/24", "::ffff:10.0.0.1/104")
	}))
	got, err := h.tokens.Get(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	end := h.clock.Now().Add(time.Hour)
	want := identity.Personal{
		ID: p.ID, Owner: "alice", Tenant: "acme", Session: p.Session, Name: "laptop", Hint: identity.Hint(secret), Hash: p.Hash,
		Tier: "read", Apps: ids("crm"), Tools: ids("crm:*"), Sites: ids("site-A"), CIDRs: prefixes("192.0.2.0/24", "10.0.0.0/8"),
		Created: h.clock.Now(), Expires: &end, KeptTill: end.Add(90 * day),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !strings.HasPrefix(p.ID, "tok_") || !strings.HasPrefix(string(p.Session), "ses_") || strings.Contains(secret.Reveal(), p.Hash) {
		t.Errorf("got id %q, session %q", p.ID, p.Session)
	}
}

func TestWhatATokenMayBeAskedToBe(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	for name, c := range map[string]struct {
		edit func(*identity.PersonalSpec)
		want error
	}{
		"no name":              {func(s *identity.PersonalSpec) { s.Name = " " }, identity.ErrTokenName},
		"a long name":          {func(s *identity.PersonalSpec) { s.Name = strings.Repeat("x", 101) }, identity.ErrTokenName},
		"a line as a name":     {func(s *identity.PersonalSpec) { s.Name = "a\nb" }, identity.ErrTokenName},
		"bytes as a name":      {func(s *identity.PersonalSpec) { s.Name = "a\xff" }, identity.ErrTokenName},
		"no tier":              {func(s *identity.PersonalSpec) { s.Tier = ostiary.TierNone }, identity.ErrTokenTier},
		"no tier of ours":      {func(s *identity.PersonalSpec) { s.Tier = 9 }, identity.ErrTokenTier},
		"longer than the most": {func(s *identity.PersonalSpec) { s.TTL = year + 1 }, identity.ErrTokenTTL},
		"a negative life":      {func(s *identity.PersonalSpec) { s.TTL = -1 }, identity.ErrTokenShort},
		"no end":               {func(s *identity.PersonalSpec) { s.Endless = true }, identity.ErrTokenEndless},
		"no prefix":            {func(s *identity.PersonalSpec) { s.CIDRs = []netip.Prefix{{}} }, identity.ErrTokenCIDR},
		"just the most":        {func(s *identity.PersonalSpec) { s.TTL = year }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, secret, err := h.tokens.Create(t.Context(), alice, spec(name, c.edit), by)
			if !errors.Is(err, c.want) || (secret != "") != (c.want == nil) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
}

func TestNoTokenIsMadeForWhomNoneMayActFor(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.personal.Admins = identity.AdminsReject })
	boss := h.person(t, "boss", identity.Claims{"tenant": "acme", "isAdmin": true})
	_, secret, err := h.tokens.Create(t.Context(), boss, spec("laptop"), by)
	if wantError(t, err, identity.ErrTokenAdmin); secret != "" {
		t.Error("got a token with the refusal")
	}
	h.token(t, h.alice(t), spec("laptop"))
}

func TestATokenWithoutAnEndNeedsTheOperatorsWord(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.personal.AllowEndless = true })
	p, secret := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) { s.Endless = true }))
	h.clock.pass(10 * year)
	if h.mustBearer(t, secret); p.Expires != nil {
		t.Errorf("got an end at %v", p.Expires)
	}
}

func TestANameIsTakenOnceAPersonWhileItsTokenLives(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.alice(t), h.person(t, "bob", nil)
	p, _ := h.token(t, alice, spec("laptop"))
	_, _, err := h.tokens.Create(t.Context(), alice, spec("laptop"), by)
	wantError(t, err, identity.ErrTokenNamed)
	h.token(t, bob, spec("laptop"))
	h.token(t, alice, spec("Laptop"))

	if _, err := h.tokens.Revoke(t.Context(), p.ID, "", by); err != nil {
		t.Fatal(err)
	}
	h.token(t, alice, spec("laptop"))
	h.clock.pass(30 * day)
	h.token(t, alice, spec("laptop"))
}

func TestNamesOfTwoPeopleNeverMeet(t *testing.T) {
	h := newHouse(t)
	h.token(t, h.person(t, "a:1", nil), spec("b"))
	h.token(t, h.person(t, "a", nil), spec("1:b"))
}

func TestOfManyWhoTakeANameAtOnceOneGetsIt(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.over(t, h.raw)
	alice := h.alice(t)
	other, _ := h.token(t, alice, spec("other"))
	third, _ := h.token(t, alice, spec("third"))
	name := "laptop"
	rename := func(id string) func(*identity.Tokens) error {
		return func(tokens *identity.Tokens) error {
			_, err := tokens.Narrow(t.Context(), id, identity.Narrowing{Name: &name}, by)
			return err
		}
	}
	create := func(tokens *identity.Tokens) error {
		_, _, err := tokens.Create(t.Context(), alice, spec(name), by)
		return err
	}
	var wg sync.WaitGroup
	takers := []func(*identity.Tokens) error{create, rename(other.ID), create, rename(third.ID), create, create}
	errs := make([]error, len(takers))
	for i, take := range takers {
		wg.Go(func() { errs[i] = take([]*identity.Tokens{h.tokens, elsewhere.tokens}[i%2]) })
	}
	wg.Wait()
	list, _, err := h.tokens.List(t.Context(), "alice", 100, "")
	if err != nil {
		t.Fatal(err)
	}
	named := slices.DeleteFunc(list, func(p identity.Personal) bool { return p.Name != name })
	if len(named) != 1 {
		t.Errorf("got %d tokens of the name; want one (%v)", len(named), errs)
	}
}

func TestANameThatWasTakenMeanwhileIsNotTakenOver(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	s := &meanwhile{Store: h.raw}
	i := h.over(t, s)
	p, _, err := i.tokens.Create(t.Context(), alice, spec("old"), by)
	if err != nil {
		t.Fatal(err)
	}
	for _, reads := range []int{1, 2, 3, 4, 5, 6} {
		name := "laptop" + strings.Repeat("!", reads)
		s.after, s.do = reads, func() { h.token(t, alice, spec(name)) }
		_, err := i.tokens.Narrow(t.Context(), p.ID, identity.Narrowing{Name: &name}, by)
		if s.do == nil && !errors.Is(err, identity.ErrTokenNamed) {
			t.Errorf("taken after %d reads: got %v; want %v", reads, err, identity.ErrTokenNamed)
		}
		s.do = nil
	}
}

func TestEditingOnlyNarrows(t *testing.T) {
	base := func(s *identity.PersonalSpec) {
		s.Apps, s.Tools, s.Sites = ids("crm", "notes"), ids("crm:*", "notes:read"), ids("site-A", "site-B")
		s.CIDRs, s.TTL = prefixes("192.0.2.0/24", "2001:db8::/32"), 10*day
	}
	tier := func(t ostiary.Tier) identity.Narrowing { return identity.Narrowing{Tier: &t} }
	apps := func(s ostiary.Selection) identity.Narrowing { return identity.Narrowing{Apps: &s} }
	tools := func(s ostiary.Selection) identity.Narrowing { return identity.Narrowing{Tools: &s} }
	sites := func(s ostiary.Selection) identity.Narrowing { return identity.Narrowing{Sites: &s} }
	ttl := func(d time.Duration) identity.Narrowing { return identity.Narrowing{TTL: &d} }
	cidrs := func(texts ...string) identity.Narrowing {
		p := prefixes(texts...)
		return identity.Narrowing{CIDRs: &p}
	}
	for name, c := range map[string]struct {
		edit identity.Narrowing
		want error
	}{
		"nothing":               {identity.Narrowing{}, nil},
		"a lower tier":          {tier(ostiary.TierRead), nil},
		"the same tier":         {tier(ostiary.TierWrite), nil},
		"a higher tier":         {tier(ostiary.TierAdmin), identity.ErrTokenWider},
		"no tier":               {tier(ostiary.TierNone), identity.ErrTokenWider},
		"a tier beyond all":     {tier(9), identity.ErrTokenWider},
		"fewer apps":            {apps(ids("crm")), nil},
		"no apps":               {apps(ids()), nil},
		"another app":           {apps(ids("crm", "mail")), identity.ErrTokenWider},
		"all apps":              {apps(all), identity.ErrTokenWider},
		"a tool of a whole app": {tools(ids("crm:get_contact")), nil},
		"the whole app":         {tools(ids("crm:*")), nil},
		"another whole app":     {tools(ids("notes:*")), identity.ErrTokenWider},
		"another tool":          {tools(ids("notes:write")), identity.ErrTokenWider},
		"a tool of a longer id": {tools(ids("crmx:get")), identity.ErrTokenWider},
		"an app is no tool":     {tools(ids("crm")), identity.ErrTokenWider},
		"fewer sites":           {sites(ids("site-B")), nil},
		"another site":          {sites(ids("site-C")), identity.ErrTokenWider},
		"all sites":             {sites(all), identity.ErrTokenWider},
		"an earlier end":        {ttl(time.Hour), nil},
		"the same end":          {ttl(10 * day), nil},
		"a later end":           {ttl(10*day + 1), identity.ErrTokenWider},
		"no life":               {ttl(0), identity.ErrTokenWider},
		"a narrower prefix":     {cidrs("192.0.2.128/25"), nil},
		"one address":           {cidrs("2001:db8::1/128"), nil},
		"a wider prefix":        {cidrs("192.0.0.0/16"), identity.ErrTokenWider},
		"another prefix":        {cidrs("198.51.100.0/24"), identity.ErrTokenWider},
		"one in, one out":       {cidrs("192.0.2.0/25", "0.0.0.0/0"), identity.ErrTokenWider},
		"everywhere":            {cidrs(), identity.ErrTokenWider},
		"no prefix at all":      {identity.Narrowing{CIDRs: &[]netip.Prefix{{}}}, identity.ErrTokenCIDR},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			before, _ := h.token(t, h.alice(t), spec("laptop", base))
			_, err := h.tokens.Narrow(t.Context(), before.ID, c.edit, by)
			wantError(t, err, c.want)
			after, _ := h.tokens.Get(t.Context(), before.ID)
			if !after.Expires.Equal(*before.Expires) && c.edit.TTL == nil {
				t.Errorf("got the end moved to %v", after.Expires)
			}
			if diff := cmp.Diff(before, after, cmpopts.EquateComparable(netip.Prefix{})); c.want != nil && diff != "" {
				t.Errorf("a refused edit changed the token (-before +after)\n%s", diff)
			}
		})
	}
}

func TestFromEverywhereOneMayNarrowToSomewhere(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	somewhere := prefixes("198.51.100.0/24")
	if _, err := h.tokens.Narrow(t.Context(), p.ID, identity.Narrowing{CIDRs: &somewhere}, by); err != nil {
		t.Fatal(err)
	}
	h.wantInvalid(t, secret)
}

func TestANarrowedTokenReachesLessAtOnce(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	h.mustBearer(t, secret)
	none := ids()
	if _, err := h.tokens.Narrow(t.Context(), p.ID, identity.Narrowing{Apps: &none, Sites: &none}, by); err != nil {
		t.Fatal(err)
	}
	h.epochs.Forget(personalEpochs(p))
	if got := h.mustBearer(t, secret); got.Apps.Has("crm") || len(got.Sites) != 0 || got.Sites == nil {
		t.Errorf("got apps %v, sites %v; want none", got.Apps, got.Sites)
	}
}

func TestRotationKeepsIdSettingsAndSession(t *testing.T) {
	h := newHouse(t)
	before, old := h.token(t, h.alice(t), spec("laptop"))
	h.mustBearer(t, old)
	h.clock.pass(day)
	after, secret, err := h.tokens.Rotate(t.Context(), before, by)
	if err != nil {
		t.Fatal(err)
	}
	ignore := cmpopts.IgnoreFields(identity.Personal{}, "Hash", "Hint")
	if diff := cmp.Diff(before, after, ignore); diff != "" || after.Hash == before.Hash || after.Hint != identity.Hint(secret) {
		t.Errorf("(-before +after)\n%s", diff)
	}
	h.epochs.Forget(personalEpochs(before))
	h.wantInvalid(t, old)
	if p := h.mustBearer(t, secret); p.Session != before.Session {
		t.Errorf("got session %q; want %q", p.Session, before.Session)
	}
	if len(h.ended.sessions) != 0 {
		t.Error("got the session ended by rotation")
	}
}

// A value that is dead when it is shown is no value.
func TestOfRotationsAtOnceOneGetsAValueAndItIsGood(t *testing.T) {
	h := newHouse(t)
	p, _ := h.token(t, h.alice(t), spec("laptop"))
	secrets := make([]ostiary.Secret, 10)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			var err error
			if _, secrets[i], err = h.tokens.Rotate(t.Context(), p, by); err != nil && !errors.Is(err, identity.ErrTokenRotated) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	secrets = slices.DeleteFunc(secrets, func(s ostiary.Secret) bool { return s == "" })
	if len(secrets) != 1 {
		t.Errorf("%d got a value; want one", len(secrets))
	}
	found, err := h.tokens.Get(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.epochs.Forget(personalEpochs(p))
	good := 0
	for _, s := range secrets {
		if _, err := h.bearer(t, s); err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("got %d good values; want one", good)
	}
	if _, _, err := h.tokens.Rotate(t.Context(), found, by); err != nil {
		t.Errorf("rotating it again later: %v", err)
	}
}

func TestARevokedTokenIsOverForGoodAndStaysVisible(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	if _, err := h.tokens.Revoke(t.Context(), p.ID, "lost", by); err != nil {
		t.Fatal(err)
	}
	h.wantInvalid(t, secret)
	if !slices.Equal(h.ended.sessions, []ostiary.SessionID{p.Session}) {
		t.Errorf("got sessions %v ended; want %s", h.ended.sessions, p.Session)
	}
	_, err := h.tokens.Revoke(t.Context(), p.ID, "again", by)
	wantError(t, err, identity.ErrTokenOver)
	_, _, err = h.tokens.Rotate(t.Context(), p, by)
	wantError(t, err, identity.ErrTokenOver)
	_, err = h.tokens.Narrow(t.Context(), p.ID, identity.Narrowing{}, by)
	wantError(t, err, identity.ErrTokenOver)

	h.clock.pass(90*day - time.Second)
	if got, err := h.tokens.Get(t.Context(), p.ID); err != nil || got.Reason != "lost" || got.Revoked == nil {
		t.Errorf("got %+v, %v; want it visible with its reason", got, err)
	}
	h.clock.pass(time.Second)
	_, err = h.tokens.Get(t.Context(), p.ID)
	wantError(t, err, identity.ErrTokenNotFound)
}

func TestAnExpiredTokenStaysVisibleAndCantBeRotatedBackToLife(t *testing.T) {
	h := newHouse(t)
	p, _ := h.token(t, h.alice(t), spec("laptop"))
	h.clock.pass(30 * day)
	_, _, err := h.tokens.Rotate(t.Context(), p, by)
	wantError(t, err, identity.ErrTokenOver)
	h.clock.pass(90*day - time.Second)
	if list, _, err := h.tokens.List(t.Context(), "alice", 10, ""); err != nil || len(list) != 1 {
		t.Errorf("got %d tokens, %v; want it listed", len(list), err)
	}
	h.clock.pass(time.Second)
	if list, _, err := h.tokens.List(t.Context(), "alice", 10, ""); err != nil || len(list) != 0 {
		t.Errorf("got %d tokens, %v; want none", len(list), err)
	}
}

func TestAnotherPersonsTokenIsNotFound(t *testing.T) {
	h := newHouse(t)
	p, _ := h.token(t, h.alice(t), spec("laptop"))
	_, err := h.tokens.Owned(t.Context(), "mallory", p.ID)
	wantError(t, err, identity.ErrTokenNotFound)
	_, err = h.tokens.Owned(t.Context(), "", p.ID)
	wantError(t, err, identity.ErrTokenNotFound)
	if got, err := h.tokens.Owned(t.Context(), "alice", p.ID); err != nil || got.ID != p.ID {
		t.Errorf("got %+v, %v", got, err)
	}
	if list, _, _ := h.tokens.List(t.Context(), "mallory", 10, ""); len(list) != 0 {
		t.Errorf("got %d tokens of somebody else", len(list))
	}
}

func TestALeakedTokenIsRevokedByWhoeverFindsIt(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	for _, text := range []string{"", "ost_pat_", p.ID, p.Hash, identity.Mint(identity.KindPersonal).Reveal()} {
		if done, err := h.tokens.Leaked(t.Context(), text); done || err != nil {
			t.Errorf("%q: got %v, %v; want nothing done", text, done, err)
		}
	}
	if done, err := h.tokens.Leaked(t.Context(), secret.Reveal()); !done || err != nil {
		t.Errorf("got %v, %v; want it revoked", done, err)
	}
	if done, err := h.tokens.Leaked(t.Context(), secret.Reveal()); done || err != nil {
		t.Errorf("got %v, %v; want it over already", done, err)
	}
	h.wantInvalid(t, secret)
}

func TestEndingEverythingOfAPersonLeavesOthersAlone(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.alice(t), h.person(t, "bob", nil)
	var secrets []ostiary.Secret
	for _, name := range []string{"a", "b", "c"} {
		_, s := h.token(t, alice, spec(name))
		secrets = append(secrets, s)
	}
	_, bobs := h.token(t, bob, spec("a"))
	if n, err := h.tokens.RevokeAll(t.Context(), "alice", "left", by); n != 3 || err != nil {
		t.Errorf("got %d, %v; want three", n, err)
	}
	for _, s := range secrets {
		h.wantInvalid(t, s)
	}
	h.mustBearer(t, bobs)
}

func TestADeletedOrDisabledPersonGetsNoToken(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	if _, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.tokens.Create(t.Context(), alice, spec("laptop"), by)
	wantError(t, err, identity.ErrUserNotFound)
	if err := h.users.Delete(t.Context(), "alice", by); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.tokens.Create(t.Context(), alice, spec("laptop"), by)
	wantError(t, err, identity.ErrUserNotFound)
}

func TestAPersonDeletedMeanwhileLeavesNoTokenToTheNext(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	s := &meanwhile{Store: h.raw}
	i := h.over(t, s)
	for reads := 1; reads < 9; reads++ {
		s.after, s.do = reads, func() {
			if err := h.users.Delete(context.WithoutCancel(t.Context()), "alice", by); err != nil {
				t.Error(err)
			}
		}
		_, secret, err := i.tokens.Create(t.Context(), alice, spec("laptop"), by)
		if s.do != nil {
			break
		}
		alice = h.alice(t)
		if secret != "" && err == nil {
			h.wantInvalid(t, secret)
		}
	}
}

func TestWhenATokenWasUsedIsWrittenAsideAndCoarsely(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	if at, err := h.tokens.LastUsed(t.Context(), p); !at.IsZero() || err != nil {
		t.Errorf("got %v, %v; want never", at, err)
	}
	h.clock.pass(90 * time.Second)
	h.mustBearer(t, secret)
	if err := h.tokens.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := h.clock.Now().Truncate(time.Minute)
	if at, err := h.over(t, h.raw).tokens.LastUsed(t.Context(), p); !at.Equal(want) || err != nil {
		t.Errorf("got %v, %v; want %v", at, err, want)
	}
	if err := h.tokens.Flush(t.Context()); err != nil {
		t.Errorf("got %v from a flush of nothing", err)
	}
}
