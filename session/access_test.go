package session_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

func ids(ids ...string) ostiary.Selection { return ostiary.Selection{IDs: ids} }

func TestAnAccessTokenBecomesAPrincipal(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	want := &ostiary.Principal{
		Subject: "alice", Client: ostiary.Client{ID: "https://agent.example/c", Name: "Agent"}, Tenant: "acme",
		Sites: []ostiary.Site{"site-A", "site-B"}, Roles: []string{"manager"}, Scopes: []string{"mcp:write", "crm:write", "notes:write"},
		Tier: ostiary.TierWrite, Apps: ids("crm", "notes"), Tools: ids("notes:add"),
		Whole:   map[string][]ostiary.Category{"crm": {ostiary.CategoryRead, ostiary.CategoryWrite}},
		Session: ses.ID, Resources: []string{"/mcp"}, AuthTime: h.clock.Now(),
	}
	if diff := cmp.Diff(want, h.good(t, secret), cmpopts.IgnoreFields(ostiary.Principal{}, "Epochs")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatASessionLeavesOutIsNone(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t, func(d *session.Draft) {
		d.Authorized, d.Sites, d.Consent = nil, ostiary.Selection{}, session.Consent{}
	})
	p := h.good(t, secret)
	if p.Apps.Has("crm") || p.Tools.Has("crm:get") || len(p.Sites) != 0 || len(p.Whole) != 0 || p.HasScope("crm:read") || p.For("/crm/mcp") {
		t.Errorf("got %+v; want nothing reached", p)
	}
}

func TestAnAppTakenWholeWithNothingShownCoversNothing(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t, func(d *session.Draft) { d.Consent.Shown = nil })
	if p := h.good(t, secret); len(p.Whole) != 0 || p.Tools.Has("crm:*") {
		t.Errorf("got whole apps %v, tools %v; want neither", p.Whole, p.Tools)
	}
}

func TestWithoutConsentPagesEveryToolIsAgreedTo(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.config.NoConsent = true })
	_, secret := h.agent(t)
	if p := h.good(t, secret); !p.Tools.All || p.Apps.All {
		t.Errorf("got tools %v, apps %v; want all tools of the open apps", p.Tools, p.Apps)
	}
}

func TestAdminRightsOfAPersonInAnAgentsToken(t *testing.T) {
	admin := identity.Claims{"isAdmin": true, "roles": []any{"manager", "owner"}}
	for name, c := range map[string]struct {
		admins identity.Admins
		keep   bool
		good   bool
		admin  bool
		roles  int
	}{
		"stripped":            {identity.AdminsStrip, false, true, false, 1},
		"kept":                {identity.AdminsStrip, true, true, true, 2},
		"allowed":             {identity.AdminsAllow, false, true, true, 2},
		"rejected":            {identity.AdminsReject, false, false, false, 0},
		"rejected, also kept": {identity.AdminsReject, true, false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(conf *conf) { conf.admins = c.admins })
			h.person(t, "alice", identity.Claims{"roles": []any{"manager"}})
			_, secret := h.agent(t, func(d *session.Draft) { d.KeepAdmin = c.keep })
			h.good(t, secret) // not an admin yet
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Claims = admin })
			must(t, err)
			i := h.over(t, h.raw)
			if !c.good {
				i.invalid(t, secret)
				return
			}
			if p := i.good(t, secret); p.Admin != c.admin || len(p.Roles) != c.roles {
				t.Errorf("got admin %v, roles %v", p.Admin, p.Roles)
			}
		})
	}
}

func TestATokenIsGoodUntilTheInstantOfItsEnd(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t)
	h.clock.Move(time.Hour - 1)
	h.good(t, secret)
	h.clock.Move(1)
	h.invalid(t, secret)
	h.over(t, h.raw).invalid(t, secret)
}

func TestATokenNeverOutlivesItsSession(t *testing.T) {
	h := newHouse(t)
	ses, first := h.agent(t, func(d *session.Draft) { d.Expires = h.clock.Now().Add(90 * time.Minute) })
	h.clock.Move(time.Hour)
	second := h.mint(t, ses.ID, session.Narrowing{})
	if !second.Expires.Equal(ses.Expires) {
		t.Errorf("got end %v; want the session's, %v", second.Expires, ses.Expires)
	}
	h.invalid(t, first)
	h.good(t, second.Secret)
	h.clock.Move(30 * time.Minute)
	h.invalid(t, second.Secret)
	err := h.db.Change(t.Context(), "mint", func(tx *store.Tx) error {
		_, err := h.sessions.Living(t.Context(), tx, ses.ID)
		return err
	})
	wantError(t, err, session.ErrOver)
}

func TestANarrowedTokenHoldsLess(t *testing.T) {
	asked := func(d *session.Draft) { d.Asked = []string{"mcp:write", "crm:export"} }
	for name, c := range map[string]struct {
		scopes []string
		tier   ostiary.Tier
		want   []string
		apps   []string
	}{
		"not":                       {nil, ostiary.TierWrite, []string{"mcp:write", "crm:write", "crm:export", "notes:write"}, []string{"crm", "notes"}},
		"to a lower tier":           {[]string{"mcp:read"}, ostiary.TierRead, []string{"mcp:read", "crm:read", "notes:read"}, []string{"crm", "notes"}},
		"to a higher one":           {[]string{"mcp:admin"}, ostiary.TierWrite, []string{"mcp:write", "crm:write", "notes:write"}, []string{"crm", "notes"}},
		"to one app":                {[]string{"crm:read"}, ostiary.TierRead, []string{"crm:read"}, []string{"crm"}},
		"to one app to write":       {[]string{"notes:write"}, ostiary.TierWrite, []string{"notes:write"}, []string{"notes"}},
		"to one app at a tier":      {[]string{"mcp:write", "notes:read"}, ostiary.TierWrite, []string{"mcp:write", "crm:write", "notes:write"}, []string{"crm", "notes"}},
		"to a tier and more of one": {[]string{"mcp:read", "crm:export"}, ostiary.TierRead, []string{"mcp:read", "crm:read", "notes:read", "crm:export"}, []string{"crm", "notes"}},
		"to what it doesn't have":   {[]string{"hr:read"}, ostiary.TierNone, nil, nil},
		"to more than it has of it": {[]string{"notes:admin"}, ostiary.TierNone, nil, nil},
		"to nothing":                {[]string{}, ostiary.TierNone, nil, nil},
		"to a scope of its own":     {[]string{"crm:export"}, ostiary.TierRead, []string{"crm:export"}, []string{"crm"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ses, _ := h.agent(t, asked)
			token := h.mint(t, ses.ID, session.Narrowing{Scopes: c.scopes})
			p := h.good(t, token.Secret)
			if p.Tier != c.tier || !slices.Equal(p.Scopes, c.want) || !slices.Equal(p.Apps.IDs, c.apps) || p.Apps.All {
				t.Errorf("got tier %v, scopes %q, apps %q", p.Tier, p.Scopes, p.Apps.IDs)
			}
			if !slices.Equal(token.Scopes, p.Scopes) {
				t.Errorf("the client is told %q; the token holds %q", token.Scopes, p.Scopes)
			}
		})
	}
}

// An app whose id is that of a scope gives nothing more than itself.
func TestAnAppNamedAsTheScopeForAnythingIsAnApp(t *testing.T) {
	h := newHouse(t)
	ses, _ := h.agent(t, func(d *session.Draft) { d.Authorized, d.Asked = []string{session.AnyScope}, []string{session.AnyScope} })
	if !slices.Equal(ses.Scopes, []string{"mcp:write", "mcp-agent:write"}) {
		t.Errorf("got %q", ses.Scopes)
	}
}

func TestATokenIsForTheResourcesItNames(t *testing.T) {
	h := newHouse(t)
	ses, _ := h.agent(t, func(d *session.Draft) { d.Resources = []string{"/mcp", "/crm/mcp"} })
	p := h.good(t, h.mint(t, ses.ID, session.Narrowing{Resources: []string{"/crm/mcp"}}).Secret)
	if p.For("/mcp") || !p.For("/crm/mcp") {
		t.Errorf("got resources %q", p.Resources)
	}
}

// What takes a right away on one instance is seen on another one, that has
// remembered the principal, as soon as its commit has found the epochs moved.
func TestWhatChangesOnOneInstanceIsSeenOnAnother(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*house, session.Session, ostiary.Secret) error
		good   func(*ostiary.Principal) bool // nil: not at all
	}{
		"revoked": {func(h *house, s session.Session, _ ostiary.Secret) error {
			_, err := h.sessions.Revoke(t.Context(), s.ID, "", by)
			return err
		}, nil},
		"the token ended": {func(h *house, _ session.Session, secret ostiary.Secret) error {
			return h.sessions.EndAccess(t.Context(), secret.Reveal(), by)
		}, nil},
		"an app less": {func(h *house, s session.Session, _ ostiary.Secret) error {
			_, err := h.sessions.EndApp(t.Context(), s.ID, "crm", by)
			return err
		}, func(p *ostiary.Principal) bool {
			return !p.Apps.Has("crm") && p.Apps.Has("notes") && len(p.Whole) == 0 && !p.HasScope("crm:read")
		}},
		"an app more": {func(h *house, s session.Session, _ ostiary.Secret) error {
			_, err := h.sessions.Widen(t.Context(), s.ID, "alice", session.Widening{Apps: []string{"slack"}})
			return err
		}, func(p *ostiary.Principal) bool { return p.Apps.Has("slack") && p.HasScope("slack:write") }},
		"the person disabled": {func(h *house, _ session.Session, _ ostiary.Secret) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = true })
			return err
		}, nil},
		"the person deleted": {func(h *house, _ session.Session, _ ostiary.Secret) error {
			return h.users.Delete(t.Context(), "alice", by)
		}, nil},
		"a site less": {func(h *house, _ session.Session, _ ostiary.Secret) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Claims["sites"] = []any{"site-B"} })
			return err
		}, func(p *ostiary.Principal) bool { return len(p.Sites) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ses, secret := h.agent(t)
			elsewhere := h.over(t, h.raw)
			before := elsewhere.good(t, secret)
			must(t, c.change(h, ses, secret))

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
				t.Errorf("got %+v, %v", after, err)
			}
		})
	}
}

func TestWithoutAnEpochMovedNothingIsReadAgain(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	i.good(t, secret)
	f.reads = errDown
	i.good(t, secret)
}

func TestAStorageFaultIsNoInvalidToken(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	if _, err := i.bearer(t, secret); !errors.Is(err, errDown) || errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("got %v; want that storage is down", err)
	}
	f.reads = nil
	i.good(t, secret)
}

func TestTheOldestOfTooManyTokensEnd(t *testing.T) {
	h := newHouse(t)
	ses, first := h.agent(t)
	h.good(t, first)
	other, theirs := h.agent(t)
	tokens := []ostiary.Secret{first}
	var good []session.Minted
	for n := range session.MaxAccess + 4 {
		if n%2 == 0 {
			good = nil // not known: they are looked for
		}
		token := h.mint(t, ses.ID, session.Narrowing{Good: good})
		tokens, good = append(tokens, token.Secret), token.Good
	}
	if len(good) != session.MaxAccess {
		t.Errorf("got %d good ones told of; want %d", len(good), session.MaxAccess)
	}
	h.epochs.Forget(store.EpochIDs{Session: ses.ID})
	for i, secret := range tokens {
		if i < len(tokens)-session.MaxAccess {
			h.invalid(t, secret)
			continue
		}
		h.good(t, secret)
	}
	h.good(t, theirs)
	if found, err := h.sessions.Find(t.Context(), other.ID); err != nil || found.Revoked != nil {
		t.Errorf("got %+v, %v; want another session untouched", found, err)
	}
}

func TestATokenOfARevokedSessionIsToldOf(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	_, err := h.sessions.Revoke(t.Context(), ses.ID, "lost laptop", by)
	must(t, err)
	h.over(t, h.raw).invalid(t, secret)
	h.wantEvent(t, audit.KindAuth, "token_refused", ses.ID)
}

func TestWhenASessionWasUsedIsKnown(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	tokens := identity.NewTokens(h.db, h.epochs, book{}, h.users, h.ended, identity.PersonalConfig{})
	r := identity.NewResolver(tokens, "", nil)
	r.Accept(identity.KindAccess, h.sessions)
	if _, err := r.Now(t.Context(), secret.Reveal()); err != nil {
		t.Fatal(err)
	}
	if at, err := tokens.UsedAt(t.Context(), string(ses.ID)); err != nil || !at.IsZero() {
		t.Errorf("looking is using: got %v, %v", at, err)
	}
	h.resolver = r
	h.good(t, secret)
	must(t, tokens.Flush(t.Context()))
	if at, err := tokens.UsedAt(t.Context(), string(ses.ID)); err != nil || !at.Equal(h.clock.Now().Truncate(time.Minute)) {
		t.Errorf("got %v, %v; want now, to the minute", at, err)
	}
}

func TestASessionWhoseClientHungUpHasTheRightsOfNow(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	absent := func(subject ostiary.Subject) (*ostiary.Principal, error) {
		return h.resolver.Absent(t.Context(), subject, ses.ID, netip4)
	}
	p, err := absent("alice")
	if diff := cmp.Diff(h.good(t, secret), p); err != nil || diff != "" {
		t.Errorf("got %v, another principal than with the token:\n%s", err, diff)
	}
	h.person(t, "bob", nil)
	_, err = absent("bob")
	wantError(t, err, identity.ErrInvalidToken)
	h.clock.Move(2 * time.Hour) // the token is over, the session isn't
	if _, err := absent("alice"); err != nil {
		t.Errorf("got %v; want the session to go on", err)
	}
	_, err = h.sessions.Revoke(t.Context(), ses.ID, "", by)
	must(t, err)
	_, err = absent("alice")
	wantError(t, err, identity.ErrInvalidToken)
}

func TestALeakedTokenEndsItsSession(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	for _, text := range []string{"", "x", identity.Mint(identity.KindAccess).Reveal(), identity.Mint(identity.KindPersonal).Reveal()} {
		if ok, err := h.sessions.Leaked(t.Context(), text); ok || err != nil {
			t.Errorf("%.12s: got %v, %v; want nobody's", text, ok, err)
		}
	}
	if ok, err := h.sessions.Leaked(t.Context(), secret.Reveal()); !ok || err != nil {
		t.Errorf("got %v, %v; want it ended", ok, err)
	}
	h.wantEvent(t, audit.KindSession, "revoked", ses.ID)
	h.over(t, h.raw).invalid(t, secret)
	if ok, err := h.sessions.Leaked(t.Context(), secret.Reveal()); ok || err != nil {
		t.Errorf("again: got %v, %v; want over already", ok, err)
	}
}
