package session_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
)

// vouchers say what tokens are, as an issuer would.
type vouchers map[string]session.Vouched

func (v vouchers) Vouch(_ context.Context, token string) (session.Vouched, error) {
	if token == "down.down.down" {
		return session.Vouched{}, errDown
	}
	return v[token], nil
}

func (vouchers) Recheck() time.Duration { return 5 * time.Minute }

var local = netip.MustParseAddr("127.0.0.1")

// vouched is what a token of corp's says of pat's agent; edits change it.
func (h *house) vouched(edits ...func(*session.Vouched)) session.Vouched {
	now := h.clock.Now()
	v := session.Vouched{
		Issuer: "corp", Subject: "corp|pat", Client: ostiary.Client{ID: "corp|agent", Name: "agent"},
		Claims: identity.Claims{"tenant": "acme", "sites": []any{"site-A"}, "roles": []any{"manager"}},
		Scopes: []string{"mcp:write", "notes:read"}, Resources: []string{"*"}, Issued: now, Expires: now.Add(time.Hour), AuthTime: now,
	}
	for _, edit := range edits {
		edit(&v)
	}
	return v
}

// foreign is a house that takes the tokens of an issuer.
func foreign(t *testing.T) (*house, vouchers) {
	t.Helper()
	h := newHouse(t, func(c *conf) { c.config.MachineApps = func() []string { return []string{"crm", "notes"} } })
	v := vouchers{}
	h.resolver.AcceptForeign(h.sessions.Foreigners(v))
	return h, v
}

func TestAForeignTokenGivesWhatItSaysAndTheOpenApps(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	p := h.good(t, "a.b.c")
	if p.Subject != "corp|pat" || p.Tenant != "acme" || !slices.Equal(p.Roles, []string{"manager"}) || !slices.Equal(p.Sites, []ostiary.Site{"site-A"}) || p.Admin {
		t.Errorf("got %+v", p)
	}
	if p.Tier != ostiary.TierWrite || !p.HasScope("crm:write") || !p.HasScope("notes:write") {
		t.Errorf("got tier %s, scopes %q", p.Tier, p.Scopes)
	}
	if !p.Apps.Has("crm") || p.Apps.Has("slack") || !p.Tools.All || p.Session == "" || p.Client.Verified {
		t.Errorf("got %+v", p)
	}
	v["silent.b.c"] = h.vouched(func(v *session.Vouched) { v.Scopes = nil })
	if p := h.good(t, "silent.b.c"); p.Tier != ostiary.TierRead || p.HasScope("crm:write") || !p.HasScope("crm:read") {
		t.Errorf("a token that says nothing: got tier %s, scopes %q", p.Tier, p.Scopes)
	}
	v["one.b.c"] = h.vouched(func(v *session.Vouched) { v.Scopes = []string{"crm:write"} })
	if p := h.good(t, "one.b.c"); p.TierIn("crm") != ostiary.TierWrite || p.TierIn("notes") != ostiary.TierRead {
		t.Errorf("a token of one app: got scopes %q", p.Scopes)
	}
	v["any.b.c"] = h.vouched(func(v *session.Vouched) { v.Scopes = []string{session.AnyScope} })
	if p := h.good(t, "any.b.c"); p.Tier != ostiary.TierRead || p.HasScope("crm:write") {
		t.Errorf("a token that says %s: got tier %s, scopes %q", session.AnyScope, p.Tier, p.Scopes)
	}
	h.invalid(t, "nobody.b.c")
	h.invalid(t, "a.b")
	if _, err := h.resolver.Bearer(t.Context(), "down.down.down", local); !errors.Is(err, errDown) {
		t.Errorf("an issuer that is down: got %v", err)
	}
}

func TestAnIssuerPersonAndClientHaveOneSession(t *testing.T) {
	h, v := foreign(t)
	other := h.over(t, h.raw)
	other.resolver.AcceptForeign(other.sessions.Foreigners(v))
	v["a.b.c"] = h.vouched()
	v["later.b.c"] = h.vouched(func(v *session.Vouched) { v.Issued = v.Issued.Add(time.Second); v.Scopes = []string{"mcp:read"} })
	v["client.b.c"] = h.vouched(func(v *session.Vouched) { v.Client.ID = "corp|other" })
	v["person.b.c"] = h.vouched(func(v *session.Vouched) { v.Subject = "corp|eve" })
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			for _, token := range []string{"a.b.c", "later.b.c"} {
				if n%2 == 0 {
					h.good(t, ostiary.Secret(token))
				} else {
					other.good(t, ostiary.Secret(token))
				}
			}
		})
	}
	wg.Wait()
	first := h.good(t, "a.b.c")
	if got := other.good(t, "later.b.c").Session; got != first.Session {
		t.Errorf("got sessions %s and %s of one agent", first.Session, got)
	}
	for _, token := range []string{"client.b.c", "person.b.c"} {
		if h.good(t, ostiary.Secret(token)).Session == first.Session {
			t.Errorf("%s: got the session of another", token)
		}
	}
	all, _, err := h.sessions.List(t.Context(), session.Filter{Tenant: "acme"}, 50, "")
	must(t, err)
	if len(all) != 3 {
		t.Errorf("got %d sessions, want 3", len(all))
	}
	if h.good(t, "a.b.c").Tier != ostiary.TierWrite || h.good(t, "later.b.c").Tier != ostiary.TierRead {
		t.Error("a token gives what another one says")
	}
	people, err := h.users.List(t.Context())
	must(t, err)
	if len(people) != 2 {
		t.Errorf("got %d people, want 2", len(people))
	}
}

// now is the principal of a token as storage has it.
func (i *instance) now(t *testing.T, token string) *ostiary.Principal {
	t.Helper()
	p, err := i.resolver.Now(t.Context(), token)
	if err != nil {
		t.Fatalf("%s: got %v; want a principal", token, err)
	}
	return p
}

func (i *instance) refused(t *testing.T, token string) {
	t.Helper()
	if p, err := i.resolver.Now(t.Context(), token); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("%s: got %+v, %v; want it refused", token, p, err)
	}
}

func TestARevocationHoldsAlthoughTheForeignTokenLivesOn(t *testing.T) {
	h, v := foreign(t)
	other := h.over(t, h.raw)
	other.resolver.AcceptForeign(other.sessions.Foreigners(v))
	v["a.b.c"] = h.vouched()
	v["unsaid.b.c"] = h.vouched(func(v *session.Vouched) { v.Issued = time.Time{} })
	v["other.b.c"] = h.vouched(func(v *session.Vouched) { v.Client.ID = "corp|other" })
	ses := other.now(t, "a.b.c").Session
	h.now(t, "unsaid.b.c")
	_, err := h.sessions.Revoke(t.Context(), ses, "cut off", by)
	must(t, err)
	for _, i := range []*instance{h.instance, other} {
		i.refused(t, "a.b.c")
		i.refused(t, "unsaid.b.c")
		i.now(t, "other.b.c")
	}
	h.clock.Move(2 * time.Minute)
	h.refused(t, "a.b.c")
	v["early.b.c"] = h.vouched(func(v *session.Vouched) { v.Issued = v.Issued.Add(-90 * time.Second) })
	h.refused(t, "early.b.c") // by a clock that may be a minute ahead
	v["new.b.c"] = h.vouched()
	if got := h.now(t, "new.b.c").Session; got == ses {
		t.Error("a session that was revoked goes on")
	}
	h.refused(t, "a.b.c")
}

func TestWhatIsRevokedOfAPersonIsOverForTokensThatNobodySawYet(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	v["unseen.b.c"] = h.vouched(func(v *session.Vouched) { v.Client.ID = "corp|other" })
	h.now(t, "a.b.c")
	must(t, h.users.EndIssued(t.Context(), "corp|pat"))
	h.refused(t, "a.b.c")
	h.refused(t, "unseen.b.c")
	h.clock.Move(2 * time.Minute)
	v["new.b.c"] = h.vouched()
	h.now(t, "new.b.c")
	h.refused(t, "unseen.b.c")
}

func TestWhoIsDisabledOrDeletedStaysOutWithAnyForeignToken(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	h.now(t, "a.b.c")
	disable := func(yes bool) {
		_, err := h.users.Update(t.Context(), "corp|pat", by, func(u *identity.User) { u.Disabled = yes })
		must(t, err)
	}
	disable(true)
	h.refused(t, "a.b.c")
	v["new.b.c"] = h.vouched(func(v *session.Vouched) { v.Client.ID = "corp|other"; v.Issued = v.Issued.Add(time.Hour) })
	h.refused(t, "new.b.c")
	disable(false)
	h.now(t, "a.b.c")
	must(t, h.users.Delete(t.Context(), "corp|pat", by))
	h.refused(t, "a.b.c")
	h.refused(t, "new.b.c")
	must(t, h.users.Create(t.Context(), identity.User{ID: "corp|pat"}, by)) // an operator takes it back
	h.now(t, "new.b.c")
}

func TestAForeignTokenIsReadAgainAndEnds(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	h.good(t, "a.b.c")
	delete(v, "a.b.c") // its key was withdrawn
	h.good(t, "a.b.c")
	h.clock.Move(5 * time.Minute)
	h.invalid(t, "a.b.c")
	v["short.b.c"] = h.vouched(func(v *session.Vouched) { v.Expires = v.Issued.Add(time.Minute) })
	h.good(t, "short.b.c")
	h.clock.Move(time.Minute)
	h.invalid(t, "short.b.c")
}

func TestAdminsOfAnIssuerAreRuledByItsAllowAlone(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched(func(v *session.Vouched) { v.Claims = identity.Claims{"isAdmin": true, "roles": []any{"owner"}} })
	if p := h.good(t, "a.b.c"); !p.Admin || !slices.Contains(p.Roles, "owner") {
		t.Errorf("got %+v; want what was believed, though agents' admin rights are stripped", p)
	}
}

func TestACallGoesOnWithWhatTheLastForeignTokenGave(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	p := h.good(t, "a.b.c")
	absent, err := h.resolver.Absent(t.Context(), p.Subject, p.Session, local)
	if err != nil || absent.Tier != ostiary.TierWrite || absent.Tenant != "acme" || !absent.Apps.Has("crm") {
		t.Errorf("got %+v, %v", absent, err)
	}
	if _, err := h.resolver.Absent(t.Context(), "corp|eve", p.Session, local); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("somebody else's session: got %v", err)
	}
	h.clock.Move(time.Hour)
	if _, err := h.resolver.Absent(t.Context(), p.Subject, p.Session, local); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("after the token's end: got %v", err)
	}
}

func TestClaimsOfALaterTokenAreThePersonsNow(t *testing.T) {
	h, v := foreign(t)
	v["a.b.c"] = h.vouched()
	h.good(t, "a.b.c")
	h.clock.Move(time.Second)
	v["b.b.c"] = h.vouched(func(v *session.Vouched) { v.Claims = identity.Claims{"tenant": "other"} })
	if p := h.good(t, "b.b.c"); p.Tenant != "other" || len(p.Roles) != 0 {
		t.Errorf("got %+v", p)
	}
	if p := h.good(t, "a.b.c"); p.Tenant != "acme" {
		t.Errorf("the older token: got %+v", p)
	}
	user, err := h.users.Get(t.Context(), "corp|pat")
	must(t, err)
	if h.users.Tenant(user) != "other" {
		t.Errorf("got the person in %q; want what the last issued token says", h.users.Tenant(user))
	}
}
