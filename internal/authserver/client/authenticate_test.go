package client

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store/storetest"
)

const keysURL = "https://jobs.example/jwks.json"

// keys of a test, made once.
var (
	ecKey       = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	otherKey    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	wideKey     = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	rsaKey      = must(rsa.GenerateKey(rand.Reader, 2048))
	_, edKey, _ = ed25519.GenerateKey(rand.Reader)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// jwks is a set of the public halves.
func jwks(keys map[string]crypto.Signer) string {
	var set jose.JSONWebKeySet
	for id, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: id, Use: "sig"})
	}
	return string(must(json.Marshal(set)))
}

func sign(alg jose.SignatureAlgorithm, key any, id string, claims map[string]any) ostiary.Secret {
	options := new(jose.SignerOptions).WithType("JWT")
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options))
	return ostiary.Secret(must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize()))
}

func asserted(a ostiary.Secret) Presented {
	return Presented{AssertionType: AssertionType, Assertion: a}
}

// clients of the table below; machine has keys, both has a secret, too.
func withClients(t testing.TB) func(*Config) {
	t.Helper()
	return func(c *Config) {
		loopback := Redirects{Loopback: true}
		c.Static = []Client{
			must(NewStatic(Client{ID: "public", Kind: Agent, Redirects: loopback}, "", "")),
			must(NewStatic(Client{ID: "secret", Kind: Resource, Redirects: Redirects{URIs: []string{"https://a.example/cb"}}}, "s3cret", "")),
			must(NewStatic(Client{ID: "od:d id", Kind: Introspector}, "p%+: ü", "")),
			must(NewStatic(Client{ID: "machine", Kind: Machine}, "", keysURL)),
			must(NewStatic(Client{ID: "both", Kind: Machine}, "s3cret", keysURL)),
		}
	}
}

func basicHeader(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func raw(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestHowAClientProvesToBeIt(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	r := h.instance(t)
	dyn := r.must(t, claude)
	conf := r.must(t, `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"client_secret_basic"}`)
	other := r.must(t, `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"client_secret_post"}`)
	proof := func(id string) ostiary.Secret {
		return sign(jose.ES256, ecKey, "1", map[string]any{"iss": id, "sub": id, "aud": issuer, "exp": h.clock.Now().Unix() + 60, "jti": ostiary.NewID("x")})
	}
	for name, c := range map[string]struct {
		p    Presented
		want Method // "" with code
		code string
	}{
		"a public client":                       {Presented{ID: "public"}, None, ""},
		"who registered":                        {Presented{ID: string(dyn.ID)}, None, ""},
		"a public client in a header":           {Presented{Authorization: basicHeader("public", "")}, None, ""},
		"a public client in both":               {Presented{Authorization: basicHeader("public", ""), ID: "public"}, None, ""},
		"a public client with a secret":         {Presented{ID: "public", Secret: "x"}, "", CodeClient},
		"a public client with a header":         {Presented{Authorization: basicHeader("public", "x")}, "", CodeClient},
		"a public client with an assertion":     {asserted(proof("public")), "", CodeClient},
		"by header":                             {Presented{Authorization: basicHeader("secret", "s3cret")}, Basic, ""},
		"by header in small letters":            {Presented{Authorization: strings.Replace(basicHeader("secret", "s3cret"), "Basic", "basic", 1)}, Basic, ""},
		"by header and its id":                  {Presented{Authorization: basicHeader("secret", "s3cret"), ID: "secret"}, Basic, ""},
		"by form":                               {Presented{ID: "secret", Secret: "s3cret"}, Post, ""},
		"form-encoded":                          {Presented{Authorization: basicHeader("od:d id", "p%+: ü")}, Basic, ""},
		"form-encoded with percent signs":       {Presented{Authorization: raw("od%3Ad%20id:p%25%2B%3A%20%C3%BC")}, Basic, ""},
		"not form-encoded":                      {Presented{Authorization: raw("od:d id:p%+: ü")}, "", CodeClient},
		"without its secret":                    {Presented{ID: "secret"}, "", CodeClient},
		"with an empty secret":                  {Presented{ID: "secret", Secret: ""}, "", CodeClient},
		"with an empty secret in the header":    {Presented{Authorization: basicHeader("secret", "")}, "", CodeClient},
		"another secret":                        {Presented{ID: "secret", Secret: "s3crex"}, "", CodeClient},
		"a longer secret":                       {Presented{ID: "secret", Secret: "s3cret "}, "", CodeClient},
		"a shorter secret":                      {Presented{ID: "secret", Secret: "s3cre"}, "", CodeClient},
		"another case":                          {Presented{ID: "Secret", Secret: "s3cret"}, "", CodeClient},
		"header and form":                       {Presented{Authorization: basicHeader("secret", "s3cret"), ID: "secret", Secret: "s3cret"}, "", CodeRequest},
		"header and assertion":                  {Presented{Authorization: basicHeader("both", "s3cret"), AssertionType: AssertionType, Assertion: proof("both")}, "", CodeRequest},
		"form and assertion":                    {Presented{ID: "both", Secret: "s3cret", AssertionType: AssertionType, Assertion: proof("both")}, "", CodeRequest},
		"an empty header and a form":            {Presented{Authorization: basicHeader("secret", ""), ID: "secret", Secret: "s3cret"}, "", CodeRequest},
		"header of one, id of another":          {Presented{Authorization: basicHeader("secret", "s3cret"), ID: "public"}, "", CodeRequest},
		"assertion of one, id of another":       {Presented{ID: "public", AssertionType: AssertionType, Assertion: proof("machine")}, "", CodeRequest},
		"a bearer token":                        {Presented{Authorization: "Bearer x", ID: "public"}, "", CodeClient},
		"a header that is none":                 {Presented{Authorization: "Basic", ID: "public"}, "", CodeClient},
		"a header of noise":                     {Presented{Authorization: "Basic !!!"}, "", CodeClient},
		"a header without a colon":              {Presented{Authorization: raw("secret")}, "", CodeClient},
		"a header without an id":                {Presented{Authorization: raw(":s3cret")}, "", CodeClient},
		"a header with half a percent sign":     {Presented{Authorization: raw("secret:s3cret%")}, "", CodeClient},
		"nobody":                                {Presented{}, "", CodeClient},
		"somebody unknown":                      {Presented{ID: "unknown", Secret: "x"}, "", CodeClient},
		"who registered with a secret":          {Presented{Authorization: basicHeader(string(conf.ID), conf.Secret)}, Basic, ""},
		"who registered, the other way":         {Presented{ID: string(conf.ID), Secret: ostiary.Secret(conf.Secret)}, Post, ""},
		"who registered, without":               {Presented{ID: string(conf.ID)}, "", CodeClient},
		"who registered, with another's secret": {Presented{ID: string(conf.ID), Secret: ostiary.Secret(other.Secret)}, "", CodeClient},
		"by assertion":                          {asserted(proof("machine")), PrivateKey, ""},
		"by assertion and its id":               {Presented{ID: "machine", AssertionType: AssertionType, Assertion: proof("machine")}, PrivateKey, ""},
		"by assertion or secret: assertion":     {asserted(proof("both")), PrivateKey, ""},
		"by assertion or secret: secret":        {Presented{ID: "both", Secret: "s3cret"}, Post, ""},
		"a machine without":                     {Presented{ID: "machine"}, "", CodeClient},
		"a machine with a secret":               {Presented{ID: "machine", Secret: "s3cret"}, "", CodeClient},
		"an assertion without its type":         {Presented{Assertion: proof("machine")}, "", CodeRequest},
		"an assertion of another type":          {Presented{AssertionType: "urn:x", Assertion: proof("machine")}, "", CodeRequest},
		"the type without an assertion":         {Presented{ID: "public", AssertionType: AssertionType}, "", CodeRequest},
		"an assertion of noise":                 {asserted("x.y.z"), "", CodeClient},
	} {
		t.Run(name, func(t *testing.T) {
			got, method, err := r.Authenticate(t.Context(), c.p)
			if c.code != "" {
				wantCode(t, name, err, c.code)
				if got.ID != "" || method != "" {
					t.Errorf("got %+v by %q", got, method)
				}
				if strings.Contains(err.Error(), "s3cre") {
					t.Errorf("the refusal tells a secret: %v", err)
				}
			} else if err != nil || method != c.want || got.ID == "" {
				t.Errorf("got %q by %q, %v; want by %q", got.ID, method, err, c.want)
			}
		})
	}
}

func TestNoSecretIsNobodysSecret(t *testing.T) {
	r := newHouse(t).instance(t)
	for _, c := range []credential{{}, {secret: ""}, {hash: ""}} {
		if r.holds(c, "") || r.holds(c, "x") {
			t.Errorf("%+v: taken", c)
		}
	}
	if !r.holds(credential{secret: "x"}, "x") || !r.holds(credential{hash: r.hash("x")}, "x") || r.holds(credential{hash: r.hash("x")}, "") {
		t.Error("a secret doesn't stand for itself alone")
	}
}

// Each assertion is one good one with one thing changed.
func TestWhichAssertionsAreBelieved(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey, "2": rsaKey, "3": edKey, "w": wideKey}))
	r := h.instance(t)
	now := h.clock.Now().Unix()
	with := func(changes map[string]any) map[string]any {
		c := map[string]any{"iss": "machine", "sub": "machine", "aud": issuer, "exp": now + 60, "iat": now, "nbf": now, "jti": ostiary.NewID("x")}
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		return c
	}
	type m = map[string]any
	good := func(changes m) ostiary.Secret { return sign(jose.ES256, ecKey, "1", with(changes)) }
	flip := func(s ostiary.Secret) ostiary.Secret {
		parts := strings.Split(s.Reveal(), ".")
		signature := must(base64.RawURLEncoding.DecodeString(parts[2]))
		signature[5] ^= 1
		return ostiary.Secret(parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature))
	}
	swap := func(s ostiary.Secret, head string) ostiary.Secret {
		_, rest, _ := strings.Cut(s.Reveal(), ".")
		return ostiary.Secret(base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + rest)
	}
	hmacKey := []byte(jwks(map[string]crypto.Signer{"1": ecKey}))
	for name, c := range map[string]struct {
		assertion ostiary.Secret
		ok        bool
	}{
		"as it should be":                  {good(nil), true},
		"RS256":                            {sign(jose.RS256, rsaKey, "2", with(nil)), true},
		"EdDSA":                            {sign(jose.EdDSA, edKey, "3", with(nil)), true},
		"without a key id":                 {sign(jose.ES256, ecKey, "", with(nil)), true},
		"for the token endpoint":           {good(m{"aud": tokenEndpoint}), true},
		"for both":                         {good(m{"aud": []string{issuer, tokenEndpoint}}), true},
		"without iat and nbf":              {good(m{"iat": nil, "nbf": nil}), true},
		"by a clock that is late":          {good(m{"exp": now - 59}), true},
		"by a clock that is early":         {good(m{"iat": now + 60, "nbf": now + 60}), true},
		"with fractions of seconds":        {good(m{"exp": float64(now) + 59.5}), true},
		"for an hour":                      {good(m{"exp": now + 3600}), true},
		"with other claims":                {good(m{"scope": "x", "cnf": m{"a": 1}}), true},
		"expired":                          {good(m{"exp": now - 60}), false},
		"without an end":                   {good(m{"exp": nil}), false},
		"for too long":                     {good(m{"exp": now + 3661}), false},
		"for ever":                         {good(m{"exp": 1e300}), false},
		"ending before all time":           {good(m{"exp": -1e300}), false},
		"an end in text":                   {good(m{"exp": fmt.Sprint(now + 60)}), false},
		"not yet":                          {good(m{"nbf": now + 61}), false},
		"made tomorrow":                    {good(m{"iat": now + 61}), false},
		"for somebody else":                {good(m{"aud": "https://other.example"}), false},
		"for somebody else, too":           {good(m{"aud": []string{issuer, "https://other.example"}}), false},
		"for nobody":                       {good(m{"aud": nil}), false},
		"for an empty list":                {good(m{"aud": []string{}}), false},
		"for almost us":                    {good(m{"aud": issuer + "/"}), false},
		"without a name of its own":        {good(m{"jti": nil}), false},
		"with an endless name":             {good(m{"jti": strings.Repeat("x", 257)}), false},
		"of another issuer":                {good(m{"iss": "both"}), false},
		"of another subject":               {good(m{"sub": "both"}), false},
		"of a client with the same keys":   {good(m{"iss": "both", "sub": "both"}), true},
		"of a public client":               {good(m{"iss": "public", "sub": "public"}), false},
		"of nobody":                        {good(m{"iss": "", "sub": ""}), false},
		"another's key":                    {sign(jose.ES256, otherKey, "1", with(nil)), false},
		"another's key, unnamed":           {sign(jose.ES256, otherKey, "", with(nil)), false},
		"a wrong key id":                   {sign(jose.ES256, ecKey, "2", with(nil)), false},
		"an unknown key id":                {sign(jose.ES256, ecKey, "9", with(nil)), false},
		"ES384":                            {sign(jose.ES384, wideKey, "w", with(nil)), false},
		"PS256":                            {sign(jose.PS256, rsaKey, "2", with(nil)), false},
		"RS512":                            {sign(jose.RS512, rsaKey, "2", with(nil)), false},
		"HS256 with the public key":        {sign(jose.HS256, hmacKey, "1", with(nil)), false},
		"a signature that was changed":     {flip(good(nil)), false},
		"no signature":                     {swap(good(nil), `{"alg":"none"}`), false},
		"another algorithm than signed":    {swap(good(nil), `{"alg":"RS256","kid":"2"}`), false},
		"with a key that it brings along":  {embedded(with(nil)), false},
		"with a critical header":           {swap(good(nil), `{"alg":"ES256","kid":"1","crit":["x"],"x":1}`), false},
		"too long":                         {good(m{"x": strings.Repeat("x", maxAssertion)}), false},
		"two claims of one name":           {twice(), false},
		"an issuer in other letters":       {good(m{"iss": nil, "ISS": "machine"}), false},
		"a second audience, in others":     {good(m{"AUD": issuer}), false},
		"an audience in others only":       {good(m{"aud": nil, "Aud": issuer}), false},
		"another end, in other letters":    {good(m{"exp": now - 3600, "EXP": now + 60}), false},
		"a name that folds to a claim's":   {good(m{"\u017fub": "machine"}), false},
		"another claim's name in capitals": {good(m{"SCOPE": "x"}), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, method, err := r.Authenticate(t.Context(), asserted(c.assertion))
			if c.ok && (err != nil || method != PrivateKey) {
				t.Errorf("got %q, %v; want it believed", method, err)
			}
			if !c.ok {
				wantCode(t, name, err, CodeClient)
			}
		})
	}
}

// embedded is signed by a key that stands in its own head.
func embedded(claims map[string]any) ostiary.Secret {
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: otherKey}, &jose.SignerOptions{EmbedJWK: true}))
	return ostiary.Secret(must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize()))
}

func twice() ostiary.Secret {
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: ecKey}, nil))
	return ostiary.Secret(must(must(signer.Sign([]byte(`{"iss":"both","iss":"machine","sub":"machine"}`))).CompactSerialize()))
}

func (h *house) proof(id string, key *ecdsa.PrivateKey, kid, jti string) Presented {
	return asserted(sign(jose.ES256, key, kid, map[string]any{"iss": id, "sub": id, "aud": issuer, "exp": h.clock.Now().Unix() + 60, "jti": jti}))
}

func TestAnAssertionIsGoodOnceOnAllInstances(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver, withClients(t))
			h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
			instances := []*Registry{h.instance(t), h.instance(t)}
			one := h.proof("machine", ecKey, "1", "x1")
			var wg sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for i := range 20 {
				wg.Go(func() {
					_, _, err := instances[i%2].Authenticate(t.Context(), one)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won++
					} else {
						wantCode(t, "again", err, CodeClient)
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Errorf("it was good %d times; want once", won)
			}
			for name, p := range map[string]Presented{
				"another of the same client": h.proof("machine", ecKey, "1", "x2"), "another client's of the same name": h.proof("both", ecKey, "1", "x1"),
			} {
				if _, _, err := instances[0].Authenticate(t.Context(), p); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			h.clock.Move(2*time.Minute - 2*time.Millisecond)
			_, _, err := instances[1].Authenticate(t.Context(), one)
			wantCode(t, "when it has expired", err, CodeClient)
		})
	}
}

// What isn't signed by the client uses up nothing of the client's.
func TestAForgedAssertionUsesUpNoName(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	r := h.instance(t)
	_, _, err := r.Authenticate(t.Context(), h.proof("machine", otherKey, "1", "x1"))
	wantCode(t, "forged", err, CodeClient)
	if _, _, err := r.Authenticate(t.Context(), h.proof("machine", ecKey, "1", "x1")); err != nil {
		t.Error(err)
	}
}

func TestAssertionsOfDocumentsAndRegisteredClients(t *testing.T) {
	h := newHouse(t)
	const theirs = "https://chatgpt.com/oauth/jwks.json"
	h.metadata.put(chatURL, chatSays)
	h.keys.put(theirs, jwks(map[string]crypto.Signer{"1": ecKey}))
	r := h.instance(t)
	if _, method, err := r.Authenticate(t.Context(), h.proof(chatURL, ecKey, "1", "x1")); err != nil || method != PrivateKey {
		t.Errorf("got %q, %v", method, err)
	}
	if _, method, err := r.Authenticate(t.Context(), Presented{ID: chatURL}); err != nil || method != None {
		t.Errorf("the method that its document offers besides: got %q, %v", method, err)
	}
	_, _, err := r.Authenticate(t.Context(), h.proof(chatURL, otherKey, "1", "x2"))
	wantCode(t, "another's key", err, CodeClient)
	if h.operator.count(theirs) != 0 {
		t.Error("a stranger's address was asked as the operator's")
	}
	body := `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + jwks(map[string]crypto.Signer{"1": ecKey}) + `}`
	inline := r.must(t, body)
	if _, method, err := h.instance(t).Authenticate(t.Context(), h.proof(string(inline.ID), ecKey, "1", "x1")); err != nil || method != PrivateKey || inline.Keys == nil {
		t.Errorf("keys in a registration: got %q, %v", method, err)
	}
	_, _, err = r.Authenticate(t.Context(), Presented{ID: string(inline.ID)})
	wantCode(t, "without a proof", err, CodeClient)
	linked := r.must(t, `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"`+theirs+`"}`)
	if _, _, err := r.Authenticate(t.Context(), h.proof(string(linked.ID), ecKey, "1", "x1")); err != nil || linked.KeysURL != theirs {
		t.Errorf("keys behind a link: %v", err)
	}
}

func TestAFaultWhileAuthenticatingIsNoRefusal(t *testing.T) {
	h := newHouse(t, withClients(t))
	h.operator.put(keysURL, jwks(map[string]crypto.Signer{"1": ecKey}))
	dyn := h.instance(t).must(t, claude)
	f := storetest.NewFaulty(h.raw, false)
	r := h.over(t, f)
	for name, p := range map[string]Presented{"who registered": {ID: string(dyn.ID)}, "by assertion": h.proof("machine", ecKey, "1", "x")} {
		f.FailAt(1)
		_, _, err := r.Authenticate(t.Context(), p)
		var refusal *Error
		if !errors.Is(err, storetest.ErrFault) || errors.As(err, &refusal) {
			t.Errorf("%s: got %v; want the fault", name, err)
		}
		if _, _, err := r.Authenticate(t.Context(), p); err != nil {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
}

func FuzzPresented(f *testing.F) {
	f.Add("Basic c2VjcmV0OnMzY3JldA==", "secret", "", "", "")
	f.Add("", "public", "", "", "")
	f.Add("", "", "", AssertionType, string(sign(jose.ES256, ecKey, "1", map[string]any{"iss": "machine", "sub": "machine"})))
	h := newHouse(f, withClients(f))
	r := h.instance(f)
	f.Fuzz(func(t *testing.T, header, id, secret, kind, assertion string) {
		c, method, err := r.Authenticate(t.Context(), Presented{header, id, ostiary.Secret(secret), kind, ostiary.Secret(assertion)})
		knows := secret == "s3cret" || header != ""
		if err == nil && method != None && !knows {
			t.Errorf("%q by %s", c.ID, method)
		}
		if err == nil && method == None && !c.Public() {
			t.Errorf("%q without a proof", c.ID)
		}
	})
}
