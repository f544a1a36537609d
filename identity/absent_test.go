package identity_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

func TestASessionWhoseClientHungUpHasTheRightsOfNow(t *testing.T) {
	h := newHouse(t)
	token, secret := h.token(t, h.alice(t), spec("laptop"))
	h.token(t, h.person(t, "bob", nil), spec("laptop"))
	absent := func() *ostiary.Principal {
		t.Helper()
		p, err := h.resolver.Absent(t.Context(), "alice", token.Session, anybody)
		if err != nil {
			t.Fatalf("got %v; want a principal", err)
		}
		return p
	}
	if diff := cmp.Diff(h.mustBearer(t, secret), absent()); diff != "" {
		t.Errorf("got another principal than with the token (-token +absent):\n%s", diff)
	}
	sites := ostiary.Selection{IDs: []string{"site-B"}}
	if _, err := h.tokens.Narrow(t.Context(), token.ID, identity.Narrowing{Sites: &sites}, by); err != nil {
		t.Fatal(err)
	}
	if got := absent().Sites; len(got) != 1 || got[0] != "site-B" {
		t.Errorf("got sites %v; want those of now", got)
	}
	// A new secret is not another session.
	if _, _, err := h.tokens.Rotate(t.Context(), token, by); err != nil {
		t.Fatal(err)
	}
	absent()
}

func TestASessionThatCouldNotCallCanNotGoOn(t *testing.T) {
	type end func(*house, identity.Personal) error
	for name, c := range map[string]struct {
		end     end
		subject ostiary.Subject
		session ostiary.SessionID
		from    string
	}{
		"nobody's":             {subject: "-"},
		"no session":           {session: "-"},
		"somebody else's":      {subject: "bob"},
		"another session":      {session: "ses_other"},
		"from another address": {from: "198.51.100.1"},
		"past its end":         {end: func(h *house, _ identity.Personal) error { h.clock.pass(time.Hour); return nil }},
		"revoked": {end: func(h *house, p identity.Personal) error {
			_, err := h.tokens.Revoke(t.Context(), p.ID, "", by)
			return err
		}},
		"of a disabled person": {end: func(h *house, _ identity.Personal) error {
			_, err := h.users.Update(t.Context(), "alice", by, func(u *identity.User) { u.Disabled = true })
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.token(t, h.person(t, "bob", nil), spec("laptop"))
			p, _ := h.token(t, h.alice(t), spec("laptop", func(s *identity.PersonalSpec) { s.TTL, s.CIDRs = time.Hour, prefixes("192.0.2.0/24") }))
			ask := func(subject ostiary.Subject, session ostiary.SessionID, from netip.Addr) error {
				_, err := h.resolver.Absent(t.Context(), subject, session, from)
				return err
			}
			if err := ask("alice", p.Session, anybody); err != nil {
				t.Fatalf("got %v before; want a principal", err)
			}
			if c.end != nil {
				if err := c.end(h, p); err != nil {
					t.Fatal(err)
				}
			}
			subject, session, from := ostiary.Subject("alice"), p.Session, anybody
			if c.subject != "" {
				subject = ostiary.Subject(trim(string(c.subject)))
			}
			if c.session != "" {
				session = ostiary.SessionID(trim(string(c.session)))
			}
			if c.from != "" {
				from = netip.MustParseAddr(c.from)
			}
			wantError(t, ask(subject, session, from), identity.ErrInvalidToken)
		})
	}
}

func trim(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

func TestAFaultIsNoEndOfASession(t *testing.T) {
	h := newHouse(t)
	p, _ := h.token(t, h.alice(t), spec("laptop"))
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	if _, err := i.resolver.Absent(t.Context(), "alice", p.Session, anybody); !errors.Is(err, errDown) || errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("got %v; want that storage is down", err)
	}
	f.reads = nil
	if _, err := i.resolver.Absent(t.Context(), "alice", p.Session, anybody); err != nil {
		t.Errorf("got %v; want a principal", err)
	}
}
