package identity_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
)

// pat is somebody whom corp vouches for.
func pat() identity.Arrival {
	return identity.Arrival{Provider: "corp", Subject: "corp|pat", Email: "pat@corp.example", Claims: identity.Claims{"tenant": "acme"}, SignedIn: time.Unix(1, 0)}
}

func TestWhoAProviderVouchesForIsAUserWithTheirLastClaims(t *testing.T) {
	h := newHouse(t)
	arrive := func(a identity.Arrival) identity.User {
		t.Helper()
		u, err := h.users.Arrive(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	first := arrive(pat())
	if first.ID != "corp|pat" || first.Provider != "corp" || h.users.Tenant(first) != "acme" {
		t.Errorf("got %+v", first)
	}
	moved := pat()
	moved.Claims = identity.Claims{"tenant": "other"}
	arrive(moved)
	now, err := h.users.Get(t.Context(), "corp|pat")
	if err != nil || h.users.Tenant(now) != "other" || !now.Created.Equal(first.Created) {
		t.Errorf("got %+v, %v", now, err)
	}
	all, err := h.users.List(t.Context())
	if err != nil || len(all) == 0 || all[len(all)-1].ID != "corp|pat" {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestAProvidersPersonHasNoPasswordHere(t *testing.T) {
	h := newHouse(t)
	if _, err := h.users.Arrive(t.Context(), pat()); err != nil {
		t.Fatal(err)
	}
	_, err := h.users.Update(t.Context(), "corp|pat", audit.Actor{}, func(u *identity.User) { u.PasswordHash = identity.HashPassword("correct horse") })
	if !errors.Is(err, identity.ErrUserProvider) {
		t.Errorf("giving one: got %v", err)
	}
	if _, err := h.users.Authenticate(t.Context(), "corp|pat", ""); !errors.Is(err, identity.ErrSignIn) {
		t.Errorf("signing in: got %v", err)
	}
}

func TestNobodyIsTakenInWhoIsKeptOut(t *testing.T) {
	h := newHouse(t)
	refused := func(name string, a identity.Arrival, want error) {
		t.Helper()
		if _, err := h.users.Arrive(t.Context(), a); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	for name, subject := range map[string]ostiary.Subject{"one of ours": "alice", "another provider's": "other|pat", "nobody": ""} {
		a := pat()
		a.Subject = subject
		refused(name, a, identity.ErrUserID)
	}
	if err := h.users.Create(t.Context(), identity.User{ID: "corp|pat"}, audit.Actor{}); !errors.Is(err, identity.ErrUserID) {
		t.Errorf("an operator makes up a provider's person: got %v", err)
	}
	if _, err := h.users.Arrive(t.Context(), pat()); err != nil {
		t.Fatal(err)
	}
	disable := func(yes bool) {
		if _, err := h.users.Update(t.Context(), "corp|pat", audit.Actor{}, func(u *identity.User) { u.Disabled = yes }); err != nil {
			t.Fatal(err)
		}
	}
	disable(true)
	refused("disabled", pat(), identity.ErrSignIn)
	disable(false)
	if _, err := h.users.Arrive(t.Context(), pat()); err != nil {
		t.Errorf("not disabled any more: got %v", err)
	}
	if err := h.users.Delete(t.Context(), "corp|pat", audit.Actor{}); err != nil {
		t.Fatal(err)
	}
	refused("deleted", pat(), identity.ErrSignIn)
	if err := h.users.Create(t.Context(), identity.User{ID: "corp|pat", PasswordHash: identity.HashPassword("correct horse")}, audit.Actor{}); !errors.Is(err, identity.ErrUserProvider) {
		t.Errorf("added again with a password: got %v", err)
	}
	if err := h.users.Create(t.Context(), identity.User{ID: "corp|pat"}, audit.Actor{}); err != nil {
		t.Fatal(err)
	}
	if u, err := h.users.Arrive(t.Context(), pat()); err != nil || u.Provider != "corp" || !maps.Equal(map[string]any(u.Claims), map[string]any(pat().Claims)) {
		t.Errorf("added again: got %+v, %v", u, err)
	}
}
