package identity_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

func TestAPersonIsKeptAsTheyWereAdded(t *testing.T) {
	h := newHouse(t)
	h.person(t, "alice", identity.Claims{"sites": []any{"A"}})
	u, err := h.users.Get(t.Context(), "alice")
	if err != nil || !u.Created.Equal(h.clock.Now()) || u.Configured || u.Admin || u.Disabled {
		t.Errorf("got %+v, %v", u, err)
	}
	if got := h.events(t); !slices.Equal(got, []string{"admin user_created"}) {
		t.Errorf("got events %v; want the creation", got)
	}
}

func TestIdsOfPeopleAreComparedByteForByte(t *testing.T) {
	h := newHouse(t)
	h.person(t, "alice", nil)
	for _, id := range []ostiary.Subject{"Alice", "alice ", "alicе"} {
		_, err := h.users.Get(t.Context(), id)
		wantError(t, err, identity.ErrUserNotFound)
	}
}

func TestIdsThatCouldBeMistakenAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"", "corp|alice", "a\x00", "a\nb", "a\x7f", "a\u0085", "a\u202eb", "\xff", strings.Repeat("a", 129), " a", "a ", "command-line"} {
		wantError(t, h.users.Create(t.Context(), identity.User{ID: ostiary.Subject(id)}, by), identity.ErrUserID)
	}
	for _, id := range []string{"a", "alice@example.com", "Ålice 2", strings.Repeat("a", 128), "command-line2"} {
		if err := h.users.Create(t.Context(), identity.User{ID: ostiary.Subject(id)}, by); err != nil {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

// Ids that were taken before a rule forbade them stay within reach.
func TestAPersonOfAForbiddenIdCanBeDisabled(t *testing.T) {
	h := newHouse(t)
	var tx store.Tx
	old := store.NewTable[identity.User](h.db, "user").Create(t.Context(), &tx, "command-line", identity.User{ID: identity.CommandLine})
	_, err := h.db.Commit(t.Context(), tx)
	if err := errors.Join(old, err); err != nil {
		t.Fatal(err)
	}
	u, err := h.users.Update(t.Context(), identity.CommandLine, by, func(u *identity.User) { u.Disabled = true })
	if err != nil || !u.Disabled {
		t.Errorf("got %+v, %v; want them disabled", u, err)
	}
}

func TestAnIdIsTakenOnce(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.users = []identity.User{{ID: "bob"}} })
	h.person(t, "alice", nil)
	wantError(t, h.users.Create(t.Context(), identity.User{ID: "alice"}, by), identity.ErrUserExists)
	wantError(t, h.users.Create(t.Context(), identity.User{ID: "bob"}, by), identity.ErrUserExists)
}

func TestOfManyWhoTakeAnIdAtOnceOneGetsIt(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.over(t, h.raw)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			users := h.users
			if i%2 == 1 {
				users = elsewhere.users
			}
			errs[i] = users.Create(t.Context(), identity.User{ID: "alice"}, by)
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		wantError(t, err, identity.ErrUserExists)
	}
	if made != 1 {
		t.Errorf("got %d made; want one", made)
	}
}

func TestAStorageFaultIsNoTakenId(t *testing.T) {
	h := newHouse(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	err := i.users.Create(t.Context(), identity.User{ID: "alice"}, by)
	if !errors.Is(err, errDown) || errors.Is(err, identity.ErrUserExists) {
		t.Errorf("got %v; want only that storage is down", err)
	}
}

func TestConfiguredPeopleAreChangedInTheFileOnly(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.users = []identity.User{{ID: "bob", Admin: true}} })
	_, err := h.users.Update(t.Context(), "bob", by, func(u *identity.User) { u.Admin = false })
	wantError(t, err, identity.ErrUserConfigured)
	wantError(t, h.users.Delete(t.Context(), "bob", by), identity.ErrUserConfigured)
	if u, _ := h.users.Get(t.Context(), "bob"); !u.Admin || !u.Configured {
		t.Errorf("got %+v; want bob as configured", u)
	}
}

func TestAConfiguredPersonHidesAStoredOneOfTheSameId(t *testing.T) {
	h := newHouse(t)
	h.person(t, "bob", identity.Claims{"tenant": "stored"})
	h.conf.users = []identity.User{{ID: "bob", Claims: identity.Claims{"tenant": "configured"}}}
	i := h.over(t, h.raw)
	all, err := i.users.List(t.Context())
	if err != nil || len(all) != 1 || i.users.Tenant(all[0]) != "configured" {
		t.Errorf("got %+v, %v; want the configured bob alone", all, err)
	}
}

func TestAnEditKeepsTheId(t *testing.T) {
	h := newHouse(t)
	h.person(t, "alice", nil)
	u, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.ID, u.Email = "bob", "a@example.com" })
	if err != nil || u.ID != "alice" || u.Email != "a@example.com" {
		t.Errorf("got %+v, %v", u, err)
	}
	_, err = h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.PasswordHash = "secret" })
	wantError(t, err, identity.ErrPasswordHash)
	_, err = h.users.Update(t.Context(), "nobody", by, func(*identity.User) {})
	wantError(t, err, identity.ErrUserNotFound)
}

func TestEditsAtOnceAreAllKept(t *testing.T) {
	h := newHouse(t)
	h.person(t, "alice", identity.Claims{"n": 0})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Email += "x" })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if u, _ := h.users.Get(t.Context(), "alice"); u.Email != "xxxxxxxx" {
		t.Errorf("got %q; want eight", u.Email)
	}
}

func TestWhatIsDeletedCantBeOpenedAgain(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	p, secret := h.token(t, alice, spec("laptop"))
	_, cookie, err := h.browsers.Start(t.Context(), alice, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.users.Delete(t.Context(), "alice", by); err != nil {
		t.Fatal(err)
	}
	h.wantInvalid(t, secret)
	_, err = h.tokens.Get(t.Context(), p.ID)
	wantError(t, err, identity.ErrTokenNotFound)
	_, err = h.users.Get(t.Context(), "alice")
	wantError(t, err, identity.ErrUserNotFound)
	wantError(t, h.users.Delete(t.Context(), "alice", by), identity.ErrUserNotFound)

	t.Run("nor by a new person of the same id", func(t *testing.T) {
		again := h.alice(t)
		h.wantInvalid(t, secret)
		if _, _, err := h.browsers.Find(t.Context(), cookie); !errors.Is(err, identity.ErrNoBrowserSession) {
			t.Errorf("got %v; want nobody signed in", err)
		}
		if list, _, _ := h.tokens.List(t.Context(), "alice", 10, ""); len(list) != 0 {
			t.Errorf("got %d tokens; want none", len(list))
		}
		h.mustBearer(t, second(h.token(t, again, spec("laptop"))))
	})
}

func second[A, B any](_ A, b B) B { return b }

func TestWritingGoesOnWhenTheLogWasTaken(t *testing.T) {
	h := newHouse(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	try := func(what string, do func() error) {
		t.Helper()
		f.taken = 1
		if err := do(); err != nil {
			t.Errorf("%s: got %v", what, err)
		}
	}
	try("create", func() error { return i.users.Create(t.Context(), identity.User{ID: "alice"}, by) })
	alice, _ := i.users.Get(t.Context(), "alice")
	var p identity.Personal
	try("token", func() (err error) { p, _, err = i.tokens.Create(t.Context(), alice, spec("laptop"), by); return err })
	try("revoke", func() error { _, err := i.tokens.Revoke(t.Context(), p.ID, "", by); return err })
	var s identity.BrowserSession
	try("sign in", func() (err error) { s, _, err = i.browsers.Start(t.Context(), alice, ""); return err })
	var o identity.OperatorToken
	try("operator token", func() (err error) {
		o, _, err = i.operators.Create(t.Context(), alice, s.SignedIn, fresh, "", []identity.Right{identity.RightRead}, 0)
		return err
	})
	try("revoke operator token", func() error { return i.operators.Revoke(t.Context(), "alice", o.ID) })
	try("sign out", func() error { return i.browsers.End(t.Context(), s) })
	if _, _, err := i.browsers.Start(t.Context(), alice, ""); err != nil {
		t.Fatal(err)
	}
	try("sign out everywhere", func() error { return i.browsers.EndAll(t.Context(), "alice") })
	try("delete", func() error { return i.users.Delete(t.Context(), "alice", by) })

	f.commits = store.ErrClosed
	wantError(t, i.users.Create(t.Context(), identity.User{ID: "carol"}, by), store.ErrClosed)
}
