package identity_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
)

func arrival(subject ostiary.Subject) identity.Arrival {
	return identity.Arrival{Provider: "hub", Subject: subject, Email: "alice@example.com", SignedIn: time.Unix(1, 0)}
}

func (h *house) link(t *testing.T, person ostiary.Subject, a identity.Arrival, want error) {
	t.Helper()
	if err := h.users.Link(t.Context(), person, a); !errors.Is(err, want) {
		t.Errorf("link %s to %s: got %v; want %v", a.Subject, person, err, want)
	}
}

func (h *house) unlinked(t *testing.T, person ostiary.Subject, providers ...string) []string {
	t.Helper()
	user, err := h.users.Get(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := h.users.Unlinked(t.Context(), user, providers)
	if err != nil {
		t.Fatal(err)
	}
	return missing
}

func TestAnIdentityIsLinkedToOnePersonAtMost(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	h.person(t, "bob", nil)
	if got := h.unlinked(t, "alice", "hub", "corp"); len(got) != 2 {
		t.Errorf("got %v missing before", got)
	}
	h.link(t, "alice", arrival("hub|1"), nil)
	h.link(t, "alice", arrival("hub|1"), nil) // once more is the same
	h.link(t, "bob", arrival("hub|1"), identity.ErrLinked)
	h.link(t, "alice", arrival("hub|2"), identity.ErrLinkMade)
	h.link(t, "bob", arrival("hub|2"), nil) // the same e-mail address, which proves nothing
	if got := h.unlinked(t, "alice", "hub", "corp"); len(got) != 1 || got[0] != "corp" {
		t.Errorf("got %v missing; want corp", got)
	}
	links, err := h.users.Links(t.Context(), "alice")
	if err != nil || len(links) != 1 || links[0].Identity != "hub|1" || links[0].Person != "alice" {
		t.Errorf("got %v, %v", links, err)
	}
	if err := h.users.Unlink(t.Context(), "alice", "hub"); err != nil {
		t.Fatal(err)
	}
	if err := h.users.Unlink(t.Context(), "alice", "hub"); !errors.Is(err, identity.ErrNoLink) {
		t.Errorf("unlinking what is gone: got %v", err)
	}
	h.link(t, "alice", arrival("hub|3"), nil)
	if got := h.unlinked(t, "bob", "hub"); len(got) != 0 {
		t.Errorf("alice unlinked bob's: %v", got)
	}
}

// Linking gives nothing: who comes with a linked identity is nobody new, and not
// its person either.
func TestNobodySignsInByALinkedIdentity(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	h.link(t, "alice", arrival("hub|1"), nil)
	if _, err := h.users.Arrive(t.Context(), arrival("hub|1")); !errors.Is(err, identity.ErrLinked) {
		t.Errorf("got %v", err)
	}
	if u, err := h.users.Arrive(t.Context(), arrival("hub|2")); err != nil || u.ID != "hub|2" {
		t.Errorf("another one: got %s, %v", u.ID, err)
	}
	if err := h.users.Unlink(t.Context(), "alice", "hub"); err != nil {
		t.Fatal(err)
	}
	if u, err := h.users.Arrive(t.Context(), arrival("hub|1")); err != nil || u.ID != "hub|1" || u.Admin {
		t.Errorf("once it is unlinked: got %+v, %v", u, err)
	}
}

func TestAPersonOfTheirOwnIsNotLinked(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	if _, err := h.users.Arrive(t.Context(), arrival("hub|1")); err != nil {
		t.Fatal(err)
	}
	h.link(t, "alice", arrival("hub|1"), identity.ErrLinked)
	h.link(t, "hub|1", arrival("hub|1"), nil) // the one that names them
	h.link(t, "hub|1", arrival("hub|2"), identity.ErrLinkMade)
	if got := h.unlinked(t, "hub|1", "hub", "corp"); len(got) != 1 || got[0] != "corp" {
		t.Errorf("got %v missing; want corp", got)
	}
	h.link(t, "hub|1", pat(), nil)
	if got := h.unlinked(t, "hub|1", "hub", "corp"); len(got) != 0 {
		t.Errorf("got %v missing", got)
	}
	if err := h.users.Unlink(t.Context(), "hub|1", "hub"); !errors.Is(err, identity.ErrNoLink) {
		t.Errorf("unlinking the one that names them: got %v", err)
	}
	if err := h.users.Delete(t.Context(), "hub|1", audit.Actor{}); err != nil {
		t.Fatal(err)
	}
	h.link(t, "alice", arrival("hub|1"), identity.ErrSignIn) // who was deleted here
	h.link(t, "alice", pat(), nil)                           // what was theirs is free
}

func TestWhoIsGoneOrDisabledLinksNothing(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	h.link(t, "nobody", arrival("hub|1"), identity.ErrUserNotFound)
	h.person(t, "bob", nil)
	if _, err := h.users.Update(t.Context(), "bob", audit.Actor{}, func(u *identity.User) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	h.link(t, "bob", arrival("hub|1"), identity.ErrUserNotFound)
	for _, a := range []identity.Arrival{{Provider: "hub", Subject: "corp|1"}, {Provider: "hub", Subject: "1"}, {Subject: "|1"}, {Provider: "hub"}} {
		h.link(t, "alice", a, identity.ErrUserID)
	}
}

// However many link at once, an identity is one person's, and a person has one
// of a provider.
func TestLinksAtOnceComeToOne(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	h.person(t, "bob", nil)
	other := h.over(t, h.raw)
	var wg sync.WaitGroup
	for range 5 {
		for _, try := range []func(){
			func() { _ = h.users.Link(t.Context(), "alice", arrival("hub|1")) },
			func() { _ = other.users.Link(t.Context(), "bob", arrival("hub|1")) },
			func() { _ = other.users.Link(t.Context(), "alice", arrival("hub|2")) },
			func() { _, _ = h.users.Arrive(t.Context(), arrival("hub|1")) },
		} {
			wg.Go(try)
		}
	}
	wg.Wait()
	holders := 0
	for _, who := range []ostiary.Subject{"alice", "bob"} {
		links, err := h.users.Links(t.Context(), who)
		if err != nil || len(links) > 1 {
			t.Errorf("%s: got %v, %v; want one at most", who, links, err)
		}
		for _, l := range links {
			if l.Identity == "hub|1" {
				holders++
			}
		}
	}
	if _, err := h.users.Get(t.Context(), "hub|1"); err == nil {
		holders++
	}
	if holders != 1 {
		t.Errorf("hub|1 is %d people's; want one", holders)
	}
}
