package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

func (h *house) signIn(t *testing.T, u identity.User, before ostiary.Secret) (identity.BrowserSession, ostiary.Secret) {
	t.Helper()
	s, cookie, err := h.browsers.Start(t.Context(), u, before)
	if err != nil {
		t.Fatal(err)
	}
	return s, cookie
}

func (h *house) wantSignedOut(t *testing.T, cookie ostiary.Secret) {
	t.Helper()
	if _, u, err := h.browsers.Find(t.Context(), cookie); !errors.Is(err, identity.ErrNoBrowserSession) || u.ID != "" {
		t.Errorf("got %q, %v; want %v", u.ID, err, identity.ErrNoBrowserSession)
	}
}

func (h *house) wantSignedIn(t *testing.T, cookie ostiary.Secret) identity.BrowserSession {
	t.Helper()
	s, u, err := h.browsers.Find(t.Context(), cookie)
	if err != nil || u.ID != "alice" {
		t.Fatalf("got %q, %v; want alice", u.ID, err)
	}
	return s
}

func TestASignInMakesANewSessionAndEndsTheOneBefore(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	first, old := h.signIn(t, alice, "")
	second, cookie := h.signIn(t, alice, old)
	h.wantSignedOut(t, old)
	s := h.wantSignedIn(t, cookie)
	if s.CSRF != second.CSRF || first.CSRF == second.CSRF || len(s.CSRF) < 26 || !s.SignedIn.Equal(h.clock.Now()) {
		t.Errorf("got %+v", s)
	}
	if first.ID == second.ID || strings.Contains(cookie.Reveal(), second.ID) {
		t.Error("got an id that tells the cookie, or the same twice")
	}
}

func TestNobodyIsSignedInWithWhatIsNoCookie(t *testing.T) {
	h := newHouse(t)
	s, cookie := h.signIn(t, h.alice(t), "")
	for _, c := range []ostiary.Secret{"", "x", ostiary.Secret(s.ID), ostiary.Secret(s.CSRF), cookie + "A", cookie[:len(cookie)-1], "fixed-by-somebody"} {
		h.wantSignedOut(t, c)
	}
	if _, made := h.signIn(t, identity.User{ID: "alice"}, "fixed-by-somebody"); made == "fixed-by-somebody" {
		t.Error("got the cookie that somebody brought")
	}
}

func TestABrowserSessionEndsWhenIdle(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	for range 3 {
		h.clock.pass(29 * time.Minute)
		h.wantSignedIn(t, cookie)
	}
	h.clock.pass(30 * time.Minute)
	h.wantSignedOut(t, cookie)
}

func TestABrowserSessionEndsInAnyCase(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	for range 35 {
		h.clock.pass(20 * time.Minute)
		h.wantSignedIn(t, cookie)
	}
	h.clock.pass(20 * time.Minute)
	h.wantSignedOut(t, cookie)
}

func TestTheIdleLimitIsNotWrittenWithEveryRequest(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.commits = errDown
	h.clock.pass(3*time.Minute - 1)
	if _, _, err := i.browsers.Find(t.Context(), cookie); err != nil {
		t.Errorf("got %v; want nothing written", err)
	}
	h.clock.pass(1)
	_, _, err := i.browsers.Find(t.Context(), cookie)
	wantError(t, err, errDown)
}

func TestAStorageFaultIsNoSignOut(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	_, _, err := i.browsers.Find(t.Context(), cookie)
	if !errors.Is(err, errDown) || errors.Is(err, identity.ErrNoBrowserSession) {
		t.Errorf("got %v; want that storage is down", err)
	}
}

func TestEveryWayOfBeingSignedOut(t *testing.T) {
	update := func(edit func(*identity.User)) func(*house, identity.BrowserSession) error {
		return func(h *house, _ identity.BrowserSession) error {
			_, err := h.users.Update(t.Context(), "alice", by, edit)
			return err
		}
	}
	for name, end := range map[string]func(*house, identity.BrowserSession) error{
		"signed out":            func(h *house, s identity.BrowserSession) error { return h.browsers.End(t.Context(), s) },
		"signed out everywhere": func(h *house, s identity.BrowserSession) error { return h.browsers.EndAll(t.Context(), "alice") },
		"disabled":              update(func(u *identity.User) { u.Disabled = true }),
		"another password":      update(func(u *identity.User) { u.PasswordHash = cheap + strings.Repeat("A", 43) }),
		"deleted":               func(h *house, _ identity.BrowserSession) error { return h.users.Delete(t.Context(), "alice", by) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			s, cookie := h.signIn(t, h.alice(t), "")
			h.wantSignedIn(t, cookie)
			if err := end(h, s); err != nil {
				t.Fatal(err)
			}
			h.wantSignedOut(t, cookie)
		})
	}
}

func TestEnablingAPersonAgainBringsNoSessionBack(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	for _, off := range []bool{true, false} {
		if _, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = off }); err != nil {
			t.Fatal(err)
		}
	}
	h.wantSignedOut(t, cookie)
	alice, _ := h.users.Get(t.Context(), "alice")
	_, cookie = h.signIn(t, alice, "")
	h.wantSignedIn(t, cookie)
}

func TestAnEditOfClaimsSignsNobodyOut(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	if _, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Claims = nil; u.Admin = true }); err != nil {
		t.Fatal(err)
	}
	h.wantSignedIn(t, cookie)
}

func TestSigningOutEverywhereLeavesOthersAlone(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.signIn(t, h.alice(t), "")
	if err := h.browsers.EndAll(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	h.wantSignedIn(t, cookie)
}
