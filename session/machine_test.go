package session_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

func nightly(c *conf) {
	c.users = []identity.User{{ID: "nightly", Machine: true, Scopes: []string{"mcp:read"}, Claims: identity.Claims{"tenant": "acme", "sites": []any{"site-A"}, "isAdmin": true}}}
	c.config.MachineApps = func() []string { return []string{"crm"} }
}

func (i *instance) machine(t *testing.T, resources ...string) (session.Session, session.Token) {
	t.Helper()
	var ses session.Session
	var token session.Token
	must(t, i.db.Change(t.Context(), "machine", func(tx *store.Tx) (err error) {
		ses, err = i.sessions.OfMachine(t.Context(), tx, session.Client{ID: "nightly", Name: "Nightly", Kind: "machine", Verified: true}, resources)
		if err == nil {
			token, err = i.sessions.Mint(t.Context(), tx, ses, session.Narrowing{Resources: resources})
		}
		return err
	}))
	return ses, token
}

func TestAMachineHasOneSessionUntilThatIsEnded(t *testing.T) {
	h := newHouse(t, nightly)
	first, token := h.machine(t, "/mcp")
	second, _ := h.over(t, h.raw).machine(t, "/crm/mcp")
	if first.ID != second.ID {
		t.Errorf("got sessions %s and %s; want one", first.ID, second.ID)
	}
	_, err := h.sessions.Revoke(t.Context(), first.ID, "", by)
	must(t, err)
	i := h.over(t, h.raw)
	i.invalid(t, token.Secret)
	third, next := i.machine(t, "/mcp")
	if third.ID == first.ID {
		t.Error("got the session that was ended")
	}
	i.good(t, next.Secret)
}

func TestAMachineMayWhatTheConfigurationSaysOfItNow(t *testing.T) {
	h := newHouse(t, nightly)
	_, token := h.machine(t, "/mcp")
	p := h.good(t, token.Secret)
	if p.Subject != "nightly" || p.Client.ID != "nightly" || p.Tier != ostiary.TierRead || !slices.Equal(p.Apps.IDs, []string{"crm"}) ||
		!p.Tools.All || p.Admin || !slices.Equal(p.Scopes, []string{"mcp:read", "crm:read"}) || !slices.Equal(p.Sites, []ostiary.Site{"site-A"}) || p.Tenant != "acme" || !p.For("/mcp") || p.For("/crm/mcp") {
		t.Errorf("got %+v", p)
	}
	h.conf.users[0].Scopes = []string{"crm:*"} // of one app alone
	h.conf.config.MachineApps = func() []string { return []string{"crm", "notes"} }
	if p := h.over(t, h.raw).good(t, token.Secret); p.Tier != ostiary.TierAdmin || !slices.Equal(p.Scopes, []string{"crm:*"}) || !slices.Equal(p.Apps.IDs, []string{"crm"}) {
		t.Errorf("with one app: got %+v", p)
	}
	h.conf.users[0].Scopes, h.conf.config.MachineApps = nil, nil
	if p := h.over(t, h.raw).good(t, token.Secret); p.Tier != ostiary.TierNone || len(p.Scopes) != 0 || p.Apps.Has("crm") {
		t.Errorf("with nothing: got %+v", p)
	}
	h.conf.users = nil
	h.over(t, h.raw).invalid(t, token.Secret)
}

func TestAPersonAndAMachineAreNeverTakenForEachOther(t *testing.T) {
	h := newHouse(t)
	h.person(t, "nightly", claims)
	ses := h.open(t, h.draft(func(d *session.Draft) { d.Subject = "nightly" }))
	persons := h.mint(t, ses.ID, session.Narrowing{})
	nightly(&h.conf) // the file gives a machine her id
	i := h.over(t, h.raw)
	i.good(t, persons.Secret)
	wantError(t, i.db.Change(t.Context(), "machine", func(tx *store.Tx) error {
		_, err := i.sessions.OfMachine(t.Context(), tx, session.Client{ID: "nightly", Kind: "machine"}, []string{"/mcp"})
		return err
	}), identity.ErrUserNotFound)
	if list, err := i.users.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("got people %v, %v; want her", list, err)
	}
	must(t, i.users.Delete(t.Context(), "nightly", by))
	_, machines := h.over(t, h.raw).machine(t, "/mcp")
	h.over(t, h.raw).good(t, machines.Secret)
	h.over(t, h.raw).invalid(t, persons.Secret)
}

// Another instance, whose file doesn't know the machine, takes in a person.
func TestAMachineEndsWhenAPersonGetsItsId(t *testing.T) {
	h := newHouse(t)
	other := h.instance
	nightly(&h.conf)
	i := h.over(t, h.raw)
	_, token := i.machine(t, "/mcp")
	i.good(t, token.Secret)
	must(t, other.users.Create(t.Context(), identity.User{ID: "nightly"}, by))
	fresh := h.over(t, h.raw)
	fresh.invalid(t, token.Secret)
	must(t, other.users.Delete(t.Context(), "nightly", by))
	if _, err := fresh.users.Get(t.Context(), "nightly"); err != nil {
		t.Errorf("the machine of the file: %v", err)
	}
}

func TestAMachineIsNoPerson(t *testing.T) {
	h := newHouse(t, nightly)
	if list, err := h.users.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("got people %v, %v", list, err)
	}
	wantError(t, h.users.Create(t.Context(), identity.User{ID: "nightly"}, by), identity.ErrUserExists)
	_, err := h.users.Authenticate(t.Context(), "nightly", "")
	wantError(t, err, identity.ErrSignIn)
}
