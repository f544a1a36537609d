package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// cheap is a hash at the least cost there is, up to its key.
const cheap = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"

func TestAHashedPasswordSignsIn(t *testing.T) {
	hash := identity.HashPassword("open sesame")
	h := newHouse(t, func(c *conf) { c.users = []identity.User{{ID: "bob", PasswordHash: hash}} })
	u, err := h.users.Authenticate(t.Context(), "bob", "open sesame")
	if err != nil || u.ID != "bob" {
		t.Errorf("got %q, %v; want bob", u.ID, err)
	}
	if other := identity.HashPassword("open sesame"); other == hash || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Errorf("got %q and %q; want argon2id with a fresh salt each", hash, other)
	}
}

func TestAPasswordIsEightCharacters(t *testing.T) {
	for password, want := range map[ostiary.Secret]error{
		"": identity.ErrPassword, "hunter2": identity.ErrPassword, "ééé": identity.ErrPassword,
		"hunter22": nil, "åäöåäöåä": nil,
	} {
		if err := identity.CheckPassword(password); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", password.Reveal(), err, want)
		}
	}
}

func TestEveryWayOfNotSigningInGivesTheSameError(t *testing.T) {
	hash := cheap + base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte("open sesame"), []byte("somesaltsomesalt"), 1, 64, 1, 32))
	h := newHouse(t, func(c *conf) {
		c.users = []identity.User{
			{ID: "bob", PasswordHash: hash},
			{ID: "none"},
			{ID: "off", PasswordHash: hash, Disabled: true},
			{ID: "odd", PasswordHash: "open sesame"},
		}
	})
	if _, err := h.users.Authenticate(t.Context(), "bob", "open sesame"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id       ostiary.Subject
		password ostiary.Secret
	}{
		{"bob", "open sesam"},
		{"bob", ""},
		{"bob", "open sesame "},
		{"Bob", "open sesame"},
		{"none", ""},
		{"off", "open sesame"},
		{"odd", "open sesame"},
		{"", ""},
	} {
		if u, err := h.users.Authenticate(t.Context(), c.id, c.password); !errors.Is(err, identity.ErrSignIn) || u.ID != "" {
			t.Errorf("%q: got %q, %v; want %v", c.id, u.ID, err, identity.ErrSignIn)
		}
	}
}

func TestAStorageFaultIsNoWrongPassword(t *testing.T) {
	h := newHouse(t)
	f := &flaky{Store: h.raw}
	i := h.over(t, f)
	f.reads = errDown
	_, err := i.users.Authenticate(t.Context(), "alice", "x")
	wantError(t, err, errDown)
}

func TestACallerWhoGoesAwayWaitsForNoPassword(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.users.Authenticate(ctx, "alice", "x"); err == nil {
		t.Error("got no error")
	}
}

func TestHashesThatAreNearlyRightAreRefused(t *testing.T) {
	good := cheap + strings.Repeat("A", 43)
	if err := identity.CheckPasswordHash(good); err != nil {
		t.Fatalf("got %v; want a good hash", err)
	}
	for name, text := range map[string]string{
		"empty":                     "",
		"a password":                "open sesame",
		"argon2i":                   strings.Replace(good, "argon2id", "argon2i", 1),
		"bcrypt":                    "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
		"another version":           strings.Replace(good, "v=19", "v=16", 1),
		"no version":                strings.Replace(good, "v=19$", "", 1),
		"no passes":                 strings.Replace(good, "t=1", "t=0", 1),
		"no threads":                strings.Replace(good, "p=1", "p=0", 1),
		"no memory":                 strings.Replace(good, "m=64", "m=0", 1),
		"all the memory there is":   strings.Replace(good, "m=64", "m=4294967295", 1),
		"passes for ever":           strings.Replace(good, "t=1", "t=4294967295", 1),
		"more threads than a byte":  strings.Replace(good, "p=1", "p=257", 1),
		"a leading zero":            strings.Replace(good, "m=64", "m=064", 1),
		"a plus sign":               strings.Replace(good, "m=64", "m=+64", 1),
		"parameters in other order": strings.Replace(good, "m=64,t=1", "t=1,m=64", 1),
		"one parameter more":        strings.Replace(good, "p=1", "p=1,keyid=AA", 1),
		"padding":                   good + "=",
		"trailing bits":             good[:len(good)-1] + "B",
		"a new line":                good + "\n",
		"a new line inside":         cheap + strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 23),
		"a part more":               good + "$",
		"a short key":               cheap + "AAAAAAAA",
		"a short salt":              "$argon2id$v=19$m=64,t=1,p=1$c29t$" + strings.Repeat("A", 43),
		"something before":          "x" + good,
	} {
		if err := identity.CheckPasswordHash(text); err == nil {
			t.Errorf("%s: got %q accepted", name, text)
		}
	}
}
