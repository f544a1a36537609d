package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
)

// refused are the entries that tell of refused tokens, in order.
func (h *house) refused(t testing.TB) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	for raw, err := range h.raw.Entries(t.Context(), bookName, 0) {
		var e audit.Entry
		if err := errors.Join(err, json.Unmarshal(raw.Line, &e)); err != nil {
			t.Fatal(err)
		}
		if e.Event == "token_refused" {
			out = append(out, e)
		}
	}
	return out
}

// wantRefused checks that one refusal was recorded, and of what.
func (h *house) wantRefused(t *testing.T, token, why string) {
	t.Helper()
	all := h.refused(t)
	if len(all) != 1 {
		t.Fatalf("got %d entries of refused tokens; want one", len(all))
	}
	e := all[0]
	if e.Kind != audit.KindAuth || e.Target != token || e.Actor.Subject != "alice" || e.Actor.Tenant != "acme" || e.Actor.IPClass != "public" || e.Detail["why"] != why {
		t.Errorf("got %+v; want token %s of alice refused as %s", e, token, why)
	}
	if e.Decision == nil || e.Decision.Effect != "deny" || e.Decision.Reason != ostiary.ReasonUnauthenticated {
		t.Errorf("got decision %+v; want a denial", e.Decision)
	}
}

func disable(h *house, disabled bool) error {
	_, err := h.users.Update(h.t.Context(), "alice", by, func(u *identity.User) { u.Disabled = disabled })
	return err
}

func TestAPersonalTokenThatIsNoLongerGoodIsToldOf(t *testing.T) {
	for why, end := range map[string]func(*house, identity.Personal) error{
		"revoked": func(h *house, p identity.Personal) error {
			_, err := h.tokens.Revoke(t.Context(), p.ID, "", by)
			return err
		},
		"expired":          func(h *house, _ identity.Personal) error { h.clock.pass(31 * day); return nil },
		"account_disabled": func(h *house, _ identity.Personal) error { return disable(h, true) },
		"wrong_address": func(h *house, p identity.Personal) error {
			elsewhere := prefixes("203.0.113.0/24")
			_, err := h.tokens.Narrow(t.Context(), p.ID, identity.Narrowing{CIDRs: &elsewhere}, by)
			return err
		},
		"account_gone": func(h *house, _ identity.Personal) error {
			h.conf.users = nil
			return nil
		},
		"admin_rights": func(h *house, _ identity.Personal) error {
			h.conf.admins, h.conf.users[0].Claims = identity.AdminsReject, identity.Claims{"tenant": "acme", "isAdmin": true}
			return nil
		},
	} {
		t.Run(why, func(t *testing.T) {
			h := newHouse(t)
			alice := identity.User{ID: "alice", Claims: identity.Claims{"tenant": "acme"}}
			if why == "account_gone" || why == "admin_rights" {
				h.conf.users = []identity.User{alice}
				h.instance = h.over(t, h.raw)
			} else {
				alice = h.alice(t)
			}
			p, secret := h.token(t, alice, spec("laptop"))
			h.mustBearer(t, secret)
			if err := end(h, p); err != nil {
				t.Fatal(err)
			}
			if got := h.refused(t); len(got) != 0 {
				t.Fatalf("before anybody came: got %+v", got)
			}
			h.instance = h.over(t, h.raw) // which remembers nothing
			h.wantInvalid(t, secret)
			h.wantRefused(t, p.ID, why)
		})
	}
}

func TestAnOperatorTokenThatIsNoLongerGoodIsToldOf(t *testing.T) {
	for why, end := range map[string]func(*house, identity.OperatorToken) error{
		"revoked": func(h *house, o identity.OperatorToken) error {
			return h.operators.Revoke(t.Context(), "alice", o.ID)
		},
		"expired":          func(h *house, _ identity.OperatorToken) error { h.clock.pass(day); return nil },
		"account_disabled": func(h *house, _ identity.OperatorToken) error { return disable(h, true) },
		"signed_out": func(h *house, _ identity.OperatorToken) error {
			return errors.Join(disable(h, true), disable(h, false))
		},
	} {
		t.Run(why, func(t *testing.T) {
			h := newHouse(t)
			o, secret := h.operator(t, h.alice(t), identity.RightRead)
			if _, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody); err != nil {
				t.Fatal(err)
			}
			if err := end(h, o); err != nil {
				t.Fatal(err)
			}
			h.wantNoOperator(t, secret)
			h.wantRefused(t, o.ID, why)
		})
	}
}

func TestATokenOfTheWrongKindIsToldOf(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	o, operator := h.operator(t, alice, identity.RightRead)
	p, personal := h.token(t, alice, spec("laptop"))
	h.wantInvalid(t, operator)
	h.wantNoOperator(t, personal)
	all := h.refused(t)
	if len(all) != 2 || all[0].Target != o.ID || all[1].Target != p.ID || all[0].Detail["why"] != "wrong_kind" || all[1].Detail["why"] != "wrong_kind" {
		t.Errorf("got %+v; want both tokens, each of the wrong kind", all)
	}
}

// Nothing that a stranger can make leaves an entry, however often they come;
// what they hold of ours leaves one a minute.
func TestRefusedTokensCantMakeTheRecordGrow(t *testing.T) {
	h := newHouse(t)
	var counted counts
	h.resolver.OnRefused(counted.add)
	h.operators.OnRefused(counted.add)
	for _, text := range []string{"", "x", "ost_pat_", "ost_op_", "Basic abc"} {
		h.wantInvalid(t, ostiary.Secret(text))
		h.wantNoOperator(t, ostiary.Secret(text))
	}
	for range 20 {
		for _, k := range kinds {
			h.wantInvalid(t, identity.Mint(k))
			h.wantNoOperator(t, identity.Mint(k))
		}
	}
	if got := h.refused(t); len(got) != 0 {
		t.Fatalf("strangers left %d entries: %+v", len(got), got[0])
	}
	if got, want := fmt.Sprint(counted.of), fmt.Sprintf("map[unknown:%d]", 2*5+2*20*len(kinds)); got != want {
		t.Errorf("got counted %s; want %s", got, want)
	}
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	if _, err := h.tokens.Revoke(t.Context(), p.ID, "", by); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { h.wantInvalid(t, secret) })
	}
	wg.Wait()
	h.wantRefused(t, p.ID, "revoked")
	h.clock.pass(time.Minute - 1)
	h.wantInvalid(t, secret)
	h.wantRefused(t, p.ID, "revoked")
	h.clock.pass(1)
	h.wantInvalid(t, secret)
	if got := h.refused(t); len(got) != 2 {
		t.Errorf("after a minute: got %d entries; want two", len(got))
	}
	if got := counted.of["revoked"]; got != 22 {
		t.Errorf("got %d counted; want every one of 22", got)
	}
}

type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[why]++
}

// A refusal that can't be written down is a fault, and told of later.
func TestARefusalThatCantBeRecordedIsAFault(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	if _, err := h.tokens.Revoke(t.Context(), p.ID, "", by); err != nil {
		t.Fatal(err)
	}
	f := &flaky{Store: h.raw, commits: errDown}
	i := h.over(t, f)
	for range 2 {
		if got, err := i.bearer(t, secret); got != nil || !errors.Is(err, errDown) || errors.Is(err, identity.ErrInvalidToken) {
			t.Errorf("got %v, %v; want that storage is down", got, err)
		}
	}
	f.commits = nil
	i.wantInvalid(t, secret)
	h.wantRefused(t, p.ID, "revoked")
}

// A token of the wrong kind is refused whatever storage does.
func TestTheWrongKindIsRefusedWithoutStorage(t *testing.T) {
	h := newHouse(t)
	_, operator := h.operator(t, h.alice(t), identity.RightRead)
	for _, f := range []*flaky{{Store: h.raw}, {Store: h.raw}} {
		i := h.over(t, f)
		f.reads, f.commits = errDown, errDown
		i.wantInvalid(t, operator)
		f.reads = nil
		i.wantInvalid(t, operator)
	}
	if got := h.refused(t); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAGoodTokenAtAnEndpointThatItIsNotForIsToldOf(t *testing.T) {
	h := newHouse(t)
	p, secret := h.token(t, h.alice(t), spec("laptop"))
	for range 3 {
		if err := h.resolver.Elsewhere(t.Context(), secret.Reveal(), anybody); err != nil {
			t.Fatal(err)
		}
	}
	h.wantRefused(t, p.ID, "other_endpoint")
	for _, text := range []string{"", identity.Mint(identity.KindPersonal).Reveal()} {
		if err := h.resolver.Elsewhere(t.Context(), text, netip.Addr{}); err != nil {
			t.Error(err)
		}
	}
	if got := h.refused(t); len(got) != 1 {
		t.Errorf("strangers left %d entries", len(got)-1)
	}
}

func TestEndedOperatorTokensAreInNoList(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	over, _ := h.operator(t, alice, identity.RightRead)
	h.clock.pass(time.Hour)
	gone, _ := h.operator(t, alice, identity.RightRead)
	stays, _ := h.operator(t, alice, identity.RightRead)
	if err := h.operators.Revoke(t.Context(), "alice", gone.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{over.ID, gone.ID} {
		wantError(t, h.operators.Revoke(t.Context(), "alice", id), identity.ErrTokenNotFound)
	}
	list, err := h.operators.List(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].ID != stays.ID {
		t.Errorf("got %+v, %v; want the living one", list, err)
	}
	if err := h.operators.RevokeAll(t.Context(), "alice"); err != nil {
		t.Error(err)
	}
	if n := len(h.events(t)) - len(slices.DeleteFunc(h.events(t), func(e string) bool { return e == "token operator_token_revoked" })); n != 2 {
		t.Errorf("got %d ends recorded; want one for each that was alive", n)
	}
}
