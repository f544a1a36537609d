package client

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/internal/netguard"
)

func TestOnlyGoodPublicKeysAreTaken(t *testing.T) {
	weak := &rsa.PublicKey{N: must(rsa.GenerateKey(rand.Reader, 1024)).N, E: 65537}
	one := func(k jose.JSONWebKey) string { return `{"keys":[` + string(must(k.MarshalJSON())) + `]}` }
	for name, c := range map[string]struct {
		set string
		ok  bool
	}{
		"ES256":              {one(jose.JSONWebKey{Key: ecKey.Public()}), true},
		"RS256":              {one(jose.JSONWebKey{Key: rsaKey.Public(), Algorithm: "RS256"}), true},
		"EdDSA":              {one(jose.JSONWebKey{Key: edKey.Public(), Use: "sig"}), true},
		"for encryption":     {one(jose.JSONWebKey{Key: rsaKey.Public(), Use: "enc"}), false},
		"another algorithm":  {one(jose.JSONWebKey{Key: rsaKey.Public(), Algorithm: "PS256"}), false},
		"another curve":      {one(jose.JSONWebKey{Key: wideKey.Public()}), false},
		"weak":               {one(jose.JSONWebKey{Key: weak}), false},
		"a private key":      {one(jose.JSONWebKey{Key: ecKey}), false},
		"a shared key":       {one(jose.JSONWebKey{Key: []byte("secret")}), false},
		"no key":             {`{"keys":[{}]}`, false},
		"no keys":            {`{"keys":[]}`, false},
		"no set":             {`{}`, false},
		"no JSON":            {`x`, false},
		"two sets":           {`{"keys":[],"keys":[]}`, false},
		"one good among bad": {`{"keys":[{"kty":"X"},5,` + strings.TrimPrefix(one(jose.JSONWebKey{Key: ecKey.Public()}), `{"keys":[`), true},
	} {
		keys, err := parseKeys([]byte(c.set))
		if (err == nil) != c.ok || c.ok && len(keys) != 1 {
			t.Errorf("%s: got %d keys, %v; want taken %t", name, len(keys), err, c.ok)
		}
	}
}

func TestKeysAreFetchedWhenTheyChangeAndNotOften(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	r := h.instance(t)
	n := 0
	try := func(key *ecdsa.PrivateKey, kid string) error {
		n++
		_, _, err := r.Authenticate(t.Context(), h.proof("machine", key, kid, fmt.Sprint("x", n)))
		return err
	}
	asked := func(want int) {
		t.Helper()
		if got := h.operator.count(keysURL); got != want {
			t.Errorf("asked %d times; want %d", got, want)
		}
	}
	for range 3 {
		if err := try(ecKey, "1"); err != nil {
			t.Fatal(err)
		}
	}
	asked(1)
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"2": otherKey}))
	for i := range 5 { // made-up key ids make nobody ask
		wantCode(t, "a new key, too soon", try(otherKey, fmt.Sprint(i+2)), CodeClient)
	}
	asked(1)
	h.clock.Move(keysAgain)
	if err := try(otherKey, "2"); err != nil {
		t.Errorf("a new key: %v", err)
	}
	asked(2)
	wantCode(t, "a key that is gone", try(ecKey, "1"), CodeClient)
	asked(2)
	h.clock.Move(keysFresh)
	h.operator.fail(keysURL, netguard.ErrDown)
	for range 3 {
		if err := try(otherKey, "2"); err != nil {
			t.Errorf("while their host is down: %v", err)
		}
	}
	asked(3)
	h.clock.Move(keysStale)
	err := try(otherKey, "2")
	var refusal *Error
	if !errors.Is(err, ErrUnreachable) || errors.As(err, &refusal) {
		t.Errorf("their host down for a day: got %v; want a fault", err)
	}
	asked(4)
	h.clock.Move(keysAgain)
	h.operator.fail(keysURL, netguard.ErrAnswer)
	wantCode(t, "their host says that there are none", try(otherKey, "2"), CodeClient)
	h.clock.Move(keysAgain)
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"2": otherKey}))
	if err := try(otherKey, "2"); err != nil {
		t.Errorf("back again: %v", err)
	}
}

// A stranger who names the operator's address gets what a stranger can reach.
func TestTheOperatorsKeysAreNobodyElses(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	r := h.instance(t)
	if _, _, err := r.Authenticate(t.Context(), h.proof("machine", ecKey, "1", "x1")); err != nil {
		t.Fatal(err)
	}
	stranger := r.must(t, `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"`+keysURL+`"}`)
	_, _, err := r.Authenticate(t.Context(), h.proof(string(stranger.ID), ecKey, "1", "x1"))
	wantCode(t, "a stranger", err, CodeClient)
}

func TestManyAssertionsAtOnceFetchTheKeysOnce(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	h.operator.wait, h.operator.called = make(chan struct{}), make(chan struct{}, 100)
	r := h.instance(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, _, err := r.Authenticate(t.Context(), h.proof("machine", ecKey, "1", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	<-h.operator.called
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := r.Authenticate(ctx, h.proof("machine", ecKey, "1", "left"))
	wantError(t, "who left", err, context.Canceled)
	close(h.operator.wait)
	wg.Wait()
	if n := h.operator.count(keysURL); n != 1 {
		t.Errorf("asked %d times; want once", n)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(jwks(map[string]crypto.Signer{"1": ecKey, "2": rsaKey, "3": edKey})))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AA"},null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := parseKeys(raw)
		if err != nil {
			wantCode(t, "parse", err, CodeMetadata)
		}
		for _, k := range keys {
			if k.algorithm == "" || algorithmOf(k.public) != k.algorithm {
				t.Errorf("got a key for %q", k.algorithm)
			}
		}
	})
}
