package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

const fresh = 5 * time.Minute

var readOnly = []identity.Right{identity.RightRead}

func (h *house) operator(t *testing.T, u identity.User, rights ...identity.Right) (identity.OperatorToken, ostiary.Secret) {
	t.Helper()
	o, secret, err := h.operators.Create(t.Context(), u, h.clock.Now(), fresh, "script", rights, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return o, secret
}

func (h *house) wantNoOperator(t *testing.T, secret ostiary.Secret) {
	t.Helper()
	_, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody)
	wantError(t, err, identity.ErrInvalidToken)
}

func TestAnOperatorTokenIsThePersonWithSomeOfTheirRights(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	signedIn := h.clock.Now()
	h.clock.pass(fresh)
	token, secret, err := h.operators.Create(t.Context(), alice, signedIn, fresh, "script", []identity.Right{identity.RightApprove}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	o, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody)
	if err != nil {
		t.Fatal(err)
	}
	if o.User.ID != "alice" || o.Tenant != "acme" || !slices.Equal(o.Roles, []string{"manager"}) || o.Token != token.ID {
		t.Errorf("got %+v", o)
	}
	if !o.SignedIn.Equal(signedIn) {
		t.Errorf("got a sign-in at %v; want the one it was made in, %v", o.SignedIn, signedIn)
	}
	if !o.May(identity.RightApprove) || o.May(identity.RightRead) || o.May(identity.RightAdmin) {
		t.Errorf("got rights %v; want approve alone", o.Rights)
	}
}

func TestAnOperatorTokenGivesNoMoreThanThePersonHas(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	for name, c := range map[string]struct {
		signedIn time.Duration
		name     string
		rights   []identity.Right
		ttl      time.Duration
		want     error
	}{
		"a right one lacks":    {0, "", []identity.Right{identity.RightRead, identity.RightAdmin}, 0, identity.ErrRight},
		"a right of no name":   {0, "", []identity.Right{"root"}, 0, identity.ErrRight},
		"no right":             {0, "", nil, 0, identity.ErrRightNone},
		"a longer life":        {0, "", readOnly, 12*time.Hour + 1, identity.ErrTokenTTL},
		"a negative life":      {0, "", readOnly, -1, identity.ErrTokenShort},
		"an old sign-in":       {fresh + 1, "", readOnly, 0, identity.ErrStaleSignIn},
		"no sign-in":           {1 << 62, "", readOnly, 0, identity.ErrStaleSignIn},
		"a long name":          {0, strings.Repeat("x", 101), readOnly, 0, identity.ErrTokenName},
		"a line as a name":     {0, "a\nb", readOnly, 0, identity.ErrTokenName},
		"the longest life":     {fresh, "", readOnly, 12 * time.Hour, nil},
		"the default, no name": {fresh, "", readOnly, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o, secret, err := h.operators.Create(t.Context(), alice, h.clock.Now().Add(-c.signedIn), fresh, c.name, c.rights, c.ttl)
			if wantError(t, err, c.want); c.want != nil && secret != "" {
				t.Errorf("got a secret with %v", err)
			}
			if c.want == nil && o.Expires.After(h.clock.Now().Add(12*time.Hour)) {
				t.Errorf("got an end at %v", o.Expires)
			}
		})
	}
}

func TestAnOperatorTokenFallsWithThePersonsRights(t *testing.T) {
	h := newHouse(t)
	h.person(t, "root", nil)
	root, err := h.users.Update(t.Context(), "root", by, func(u *identity.User) { u.Admin = true })
	if err != nil {
		t.Fatal(err)
	}
	_, secret := h.operator(t, root, identity.RightAdmin, identity.RightRead)
	if o, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody); err != nil || !o.May(identity.RightAdmin) {
		t.Fatalf("got %v, %v; want admin", o.Rights, err)
	}
	if _, err := h.users.Update(t.Context(), "root", by, func(u *identity.User) { u.Admin = false }); err != nil {
		t.Fatal(err)
	}
	if o, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody); err != nil || o.May(identity.RightAdmin) || !o.May(identity.RightRead) {
		t.Errorf("got %v, %v; want read alone", o.Rights, err)
	}
}

func TestEveryWayAnOperatorTokenEnds(t *testing.T) {
	for name, end := range map[string]func(*house, identity.OperatorToken, ostiary.Secret) error{
		"its end": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error { h.clock.pass(time.Hour); return nil },
		"revoked": func(h *house, o identity.OperatorToken, _ ostiary.Secret) error {
			return h.operators.Revoke(t.Context(), "alice", o.ID)
		},
		"all revoked": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error {
			return h.operators.RevokeAll(t.Context(), "alice")
		},
		"leaked": func(h *house, _ identity.OperatorToken, s ostiary.Secret) error {
			_, err := h.operators.Leaked(t.Context(), s.Reveal())
			return err
		},
		"disabled": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = true })
			return err
		},
		"disabled and enabled": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = true })
			if err == nil {
				_, err = h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = false })
			}
			return err
		},
		"another password": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.PasswordHash = cheap + strings.Repeat("A", 43) })
			return err
		},
		"deleted": func(h *house, _ identity.OperatorToken, _ ostiary.Secret) error {
			return h.users.Delete(t.Context(), "alice", by)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			o, secret := h.operator(t, h.alice(t), identity.RightRead)
			if _, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody); err != nil {
				t.Fatal(err)
			}
			if err := end(h, o, secret); err != nil {
				t.Fatal(err)
			}
			h.wantNoOperator(t, secret)
		})
	}
}

func TestTokensOfOtherKindsAreNoOperators(t *testing.T) {
	h := newHouse(t)
	alice := h.alice(t)
	_, personal := h.token(t, alice, spec("laptop"))
	_, operator := h.operator(t, alice, identity.RightRead)
	h.wantNoOperator(t, personal)
	h.wantNoOperator(t, identity.Mint(identity.KindOperator))
	h.wantNoOperator(t, "")
	h.wantInvalid(t, operator)
}

func TestAnotherPersonsOperatorTokenIsNotFound(t *testing.T) {
	h := newHouse(t)
	o, secret := h.operator(t, h.alice(t), identity.RightRead)
	wantError(t, h.operators.Revoke(t.Context(), "mallory", o.ID), identity.ErrTokenNotFound)
	if list, err := h.operators.List(t.Context(), "mallory"); len(list) != 0 || err != nil {
		t.Errorf("got %d tokens, %v; want none", len(list), err)
	}
	if list, err := h.operators.List(t.Context(), "alice"); len(list) != 1 || err != nil {
		t.Errorf("got %d tokens, %v; want one", len(list), err)
	}
	if _, err := h.operators.Bearer(t.Context(), secret.Reveal(), anybody); err != nil {
		t.Errorf("got %v; want the token alive", err)
	}
}

func TestWhatWasFoundAndIsNoOperatorTokenDoesNothing(t *testing.T) {
	h := newHouse(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown // nothing is looked up
	for _, text := range []string{"", "ost_op_", identity.Mint(identity.KindPersonal).Reveal()} {
		if done, err := i.operators.Leaked(t.Context(), text); done || err != nil {
			t.Errorf("%q: got %v, %v; want nothing done", text, done, err)
		}
	}
	_, err := i.operators.Bearer(t.Context(), identity.Mint(identity.KindOperator).Reveal(), anybody)
	wantError(t, err, errDown)
}
