package session_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

var netip4 = netip.MustParseAddr("192.0.2.7")

func TestOnlyItsPersonWidensASession(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	h.person(t, "bob", claims)
	w := session.Widening{Tier: ostiary.TierAdmin, Apps: []string{"slack"}, Tools: []string{"slack:*"}, Shown: map[string][]string{"slack": {"read"}}}
	for _, who := range []ostiary.Subject{"bob", "", "Alice"} {
		_, err := h.sessions.Widen(t.Context(), ses.ID, who, w)
		wantError(t, err, session.ErrNotYours)
	}
	if p := h.over(t, h.raw).good(t, secret); p.Apps.Has("slack") || p.Tier != ostiary.TierWrite {
		t.Errorf("got apps %v, tier %v; want nothing wider", p.Apps, p.Tier)
	}
	after, err := h.sessions.Widen(t.Context(), ses.ID, "alice", w)
	must(t, err)
	p := h.over(t, h.raw).good(t, secret)
	if !p.Apps.Has("slack") || p.Tier != ostiary.TierAdmin || !p.HasScope("slack:admin") || p.HasScope("crm:admin") || !slices.Equal(p.Whole["slack"], []ostiary.Category{ostiary.CategoryRead}) {
		t.Errorf("got %+v; want the same token to reach it", p)
	}
	if len(after.Pending) != 0 || !slices.Equal(after.Skipped, []string{"hr"}) {
		t.Errorf("got pending %q, skipped %q", after.Pending, after.Skipped)
	}
	h.wantEvent(t, audit.KindSession, "widened", ses.ID)
}

func TestAConsentIsAddedToAndCoversWhatWasShown(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	_, err := h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{
		Tools: []string{"crm:*", "notes:remove"}, Shown: map[string][]string{"crm": {"delete"}, "notes": {"read", "admin"}},
	})
	must(t, err)
	p := h.over(t, h.raw).good(t, secret)
	if got := p.Whole["crm"]; !slices.Equal(got, []ostiary.Category{ostiary.CategoryRead, ostiary.CategoryWrite, ostiary.CategoryDelete}) {
		t.Errorf("got categories %v of crm; want those of both times", got)
	}
	if _, ok := p.Whole["notes"]; ok || !slices.Equal(p.Tools.IDs, []string{"notes:add", "notes:remove"}) {
		t.Errorf("got whole %v, tools %v; want notes by tools alone", p.Whole, p.Tools)
	}
}

func TestNothingPassesWhatTheClientMayHave(t *testing.T) {
	for name, c := range map[string]struct {
		ceiling []string
		w       session.Widening
		want    error
	}{
		"a tier":                              {[]string{"crm:read"}, session.Widening{Tier: ostiary.TierWrite, Apps: []string{"crm"}}, session.ErrCeiling},
		"another app":                         {[]string{"crm:read"}, session.Widening{Apps: []string{"notes"}}, session.ErrCeiling},
		"a scope of another app":              {[]string{"crm:read"}, session.Widening{Apps: []string{"notes"}, Scopes: []string{"notes:read"}}, session.ErrCeiling},
		"another scope":                       {[]string{"crm:read"}, session.Widening{Apps: []string{"crm"}, Scopes: []string{"crm:export"}}, session.ErrCeiling},
		"a scope it may have":                 {[]string{"crm:read", "crm:export"}, session.Widening{Apps: []string{"crm"}, Scopes: []string{"crm:export"}}, nil},
		"any app at its tier":                 {[]string{"mcp:read"}, session.Widening{Apps: []string{"notes"}}, nil},
		"any app above its tier":              {[]string{"mcp:read"}, session.Widening{Apps: []string{"notes"}, Scopes: []string{"notes:write"}}, session.ErrCeiling},
		"the tier its apps allow":             {[]string{"crm:*"}, session.Widening{Tier: ostiary.TierWrite, Apps: []string{"crm"}}, nil},
		"a scope of an app that stays closed": {[]string{session.AnyScope}, session.Widening{Apps: []string{"crm"}, Scopes: []string{"notes:export"}}, session.ErrCeiling},
		"anything":                            {[]string{session.AnyScope}, session.Widening{Tier: ostiary.TierAdmin, Apps: []string{"notes"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ses, _ := h.agent(t, func(d *session.Draft) { d.Client.Ceiling, d.Tier, d.Authorized = c.ceiling, "read", []string{"crm"} })
			_, err := h.sessions.Widen(t.Context(), ses.ID, "alice", c.w)
			wantError(t, err, c.want)
		})
	}
}

func TestAnAppThatWasEndedNeedsANewConsent(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	_, err := h.sessions.EndApp(t.Context(), ses.ID, "hr", by)
	wantError(t, err, session.ErrNotFound)
	after, err := h.sessions.EndApp(t.Context(), ses.ID, "crm", by)
	must(t, err)
	if !slices.Contains(after.Pending, "crm") {
		t.Errorf("got pending %q; want crm among them", after.Pending)
	}
	h.wantEvent(t, audit.KindSession, "app_ended", ses.ID)
	_, err = h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Apps: []string{"crm"}})
	must(t, err)
	if p := h.over(t, h.raw).good(t, secret); !p.Apps.Has("crm") || len(p.Whole) != 0 || p.Tools.Has("crm:get") {
		t.Errorf("got %+v; want the app open and no tool of it agreed to", p)
	}
}

func TestARevokedSessionIsOverForGood(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t)
	_, others := h.agent(t)
	after, err := h.sessions.Revoke(t.Context(), ses.ID, "lost laptop", by)
	must(t, err)
	if after.Revoked == nil || after.Reason != "lost laptop" || !slices.Equal(h.ended.sessions, []ostiary.SessionID{ses.ID}) {
		t.Errorf("got %+v, approvals ended of %v", after, h.ended.sessions)
	}
	h.wantEvent(t, audit.KindSession, "revoked", ses.ID)
	i := h.over(t, h.raw)
	i.invalid(t, secret)
	i.good(t, others)
	_, err = h.sessions.Revoke(t.Context(), ses.ID, "", by)
	wantError(t, err, session.ErrOver)
	_, err = h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Apps: []string{"slack"}})
	wantError(t, err, session.ErrOver)
	_, err = h.sessions.EndApp(t.Context(), ses.ID, "crm", by)
	wantError(t, err, session.ErrOver)
	_, err = h.sessions.Revoke(t.Context(), "ses_other", "", by)
	wantError(t, err, session.ErrNotFound)
}

func TestNoTokenIsMintedForASessionThatEndsMeanwhile(t *testing.T) {
	h := newHouse(t)
	ses, _ := h.agent(t)
	var tx store.Tx
	living, err := h.sessions.Living(t.Context(), &tx, ses.ID)
	must(t, err)
	_, err = h.sessions.Mint(t.Context(), &tx, living, session.Narrowing{})
	must(t, err)
	_, err = h.sessions.Revoke(t.Context(), ses.ID, "", by)
	must(t, err)
	_, err = h.db.Commit(t.Context(), tx)
	wantError(t, err, store.ErrConflict)
}

func TestWhatCanNotBeASessionIsNoneAndWhatCanIs(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*session.Draft)
		want error
	}{
		"as it should be":    {func(*session.Draft) {}, nil},
		"no tier":            {func(d *session.Draft) { d.Tier = "" }, session.ErrDraft},
		"another tier":       {func(d *session.Draft) { d.Tier = "all" }, session.ErrDraft},
		"no end":             {func(d *session.Draft) { d.Expires = time.Time{} }, session.ErrDraft},
		"no resource":        {func(d *session.Draft) { d.Resources = nil }, session.ErrDraft},
		"no client":          {func(d *session.Draft) { d.Client.ID = "" }, session.ErrDraft},
		"personal as client": {func(d *session.Draft) { d.Client.ID = identity.PersonalClient }, session.ErrDraft},
		"an app not allowed": {func(d *session.Draft) { d.Client.Ceiling = []string{"crm:*"} }, session.ErrCeiling},
		"a scope as an app":  {func(d *session.Draft) { d.Authorized, d.Asked = []string{session.AnyScope}, []string{session.AnyScope} }, nil},
		"nobody":             {func(d *session.Draft) { d.Subject = "mallory" }, identity.ErrUserNotFound},
		"a machine":          {func(d *session.Draft) { d.Subject = "nightly" }, identity.ErrUserNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *conf) { c.users = []identity.User{{ID: "nightly", Machine: true}} })
			h.person(t, "alice", claims)
			err := h.db.Change(t.Context(), "open", func(tx *store.Tx) error {
				_, err := h.sessions.Open(t.Context(), tx, h.draft(c.edit))
				return err
			})
			wantError(t, err, c.want)
		})
	}
}

func TestSessionsAreListedByPersonClientAndTenant(t *testing.T) {
	h := newHouse(t)
	h.person(t, "bob", identity.Claims{"tenant": "acme"})
	h.person(t, "carol", identity.Claims{"tenant": "other"})
	as := func(who ostiary.Subject, client ostiary.ClientID) func(*session.Draft) {
		return func(d *session.Draft) { d.Subject, d.Client.ID = who, client }
	}
	a, _ := h.agent(t, as("alice", "cursor"))
	b, _ := h.agent(t, as("bob", "cursor"))
	c, _ := h.agent(t, as("carol", "cursor"))
	d, _ := h.agent(t, as("alice", "codex"))
	for name, c := range map[string]struct {
		filter session.Filter
		want   []ostiary.SessionID
	}{
		"all":                 {session.Filter{}, []ostiary.SessionID{d.ID, c.ID, b.ID, a.ID}},
		"a person's":          {session.Filter{Subject: "alice"}, []ostiary.SessionID{d.ID, a.ID}},
		"a client's":          {session.Filter{Client: "cursor"}, []ostiary.SessionID{c.ID, b.ID, a.ID}},
		"a tenant's":          {session.Filter{Tenant: "acme"}, []ostiary.SessionID{d.ID, b.ID, a.ID}},
		"a client's of one":   {session.Filter{Client: "cursor", Tenant: "acme"}, []ostiary.SessionID{b.ID, a.ID}},
		"somebody without":    {session.Filter{Subject: "mallory"}, nil},
		"of another's tenant": {session.Filter{Subject: "carol", Tenant: "acme"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []ostiary.SessionID
			for cursor, more := "", true; more; more = cursor != "" {
				page, next, err := h.sessions.List(t.Context(), c.filter, 2, cursor)
				must(t, err)
				for _, s := range page {
					got = append(got, s.ID)
				}
				cursor = next
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
	// Clients are shared by many tenants: what one gave stands on its first page.
	page, _, err := h.sessions.List(t.Context(), session.Filter{Client: "cursor", Tenant: "acme"}, 1, "")
	if err != nil || len(page) != 1 || page[0].ID != b.ID {
		t.Errorf("got %v, %v; want %s, whatever others gave since", page, err, b.ID)
	}
	if _, err := h.sessions.Owned(t.Context(), "bob", a.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("got %v; want somebody else's not to be found", err)
	}
}

func TestWhatIsWithinReachEndsAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		reach identity.Reach
		left  []ostiary.Subject
	}{
		"a person":             {identity.Reach{Subject: "alice"}, []ostiary.Subject{"bob", "carol"}},
		"a client":             {identity.Reach{Client: "cursor"}, nil},
		"another":              {identity.Reach{Client: "codex"}, []ostiary.Subject{"alice", "bob", "carol"}},
		"personal tokens":      {identity.Reach{Client: identity.PersonalClient}, []ostiary.Subject{"alice", "bob", "carol"}},
		"a tenant":             {identity.Reach{Tenant: "acme"}, []ostiary.Subject{"carol"}},
		"the tenant of before": {identity.Reach{Tenant: "other"}, []ostiary.Subject{"alice"}},
		"all":                  {identity.Reach{All: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			secrets := map[ostiary.Subject]ostiary.Secret{}
			tenants := map[ostiary.Subject]string{"alice": "acme", "bob": "other", "carol": "other"}
			for who, tenant := range tenants {
				h.person(t, who, identity.Claims{"tenant": tenant})
			}
			for who := range tenants {
				_, secrets[who] = h.agent(t, func(d *session.Draft) { d.Subject, d.Client.ID = who, "cursor" })
			}
			_, err := h.users.Update(t.Context(), "bob", by, func(u *identity.User) { u.Claims["tenant"] = "acme" })
			must(t, err)
			n, err := h.sessions.RevokeReach(t.Context(), c.reach, "", by)
			if err != nil || n != 3-len(c.left) {
				t.Errorf("got %d ended, %v", n, err)
			}
			i := h.over(t, h.raw)
			for who, secret := range secrets {
				if _, err := i.bearer(t, secret); (err == nil) != slices.Contains(c.left, who) {
					t.Errorf("%s: got %v", who, err)
				}
			}
		})
	}
}

func TestWhatIsOverIsGoneInTimeAndWhatLivesStays(t *testing.T) {
	h := newHouse(t)
	short, _ := h.agent(t, func(d *session.Draft) { d.Expires = h.clock.Now().Add(day) })
	long, _ := h.agent(t, func(d *session.Draft) { d.Expires = h.clock.Now().Add(100 * day) })
	revoked, _ := h.agent(t)
	_, err := h.sessions.Revoke(t.Context(), revoked.ID, "", by)
	must(t, err)
	h.clock.Move(91*day - 1)
	for _, id := range []ostiary.SessionID{short.ID, long.ID} {
		if _, err := h.sessions.Find(t.Context(), id); err != nil {
			t.Errorf("got %v; want it kept", err)
		}
	}
	_, err = h.sessions.Find(t.Context(), revoked.ID)
	wantError(t, err, session.ErrNotFound)
	h.clock.Move(1)
	_, err = h.sessions.Find(t.Context(), short.ID)
	wantError(t, err, session.ErrNotFound)
	h.good(t, h.mint(t, long.ID, session.Narrowing{}).Secret)
	page, err := h.raw.List(t.Context(), store.Query{Kind: "access"})
	if err != nil || len(page.Records) != 1 {
		t.Errorf("got %d access tokens, %v; want the living one", len(page.Records), err)
	}
}
