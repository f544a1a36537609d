package issuer_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }

type JSON = testparts.JSON

func near() *netguard.Client { return netguard.New(netguard.Options{MaxBody: 1 << 20, Private: true}) }

const audience = "https://mcp.example"

// open returns issuers that are one real one, twice: for the gateway and for
// one app.
func open(t *testing.T, clock *storetest.Clock, idp *testparts.Issuer) *issuer.Trusted {
	t.Helper()
	return issuer.NewTrusted(clock, near(), identity.DefaultClaimPaths(), []issuer.Issuer{
		{
			ID: "corp", Issuer: idp.URL, Audience: audience, RequiredScopes: []string{"tools"}, Resources: []string{"*"},
			Allow: identity.Allow{Tenants: []string{"acme"}, Roles: []string{"*"}},
		},
		{ID: "crm", Issuer: idp.URL, Audience: "https://mcp.example/crm/mcp", JWKSURL: idp.URL + "/jwks", Resources: []string{"/crm/mcp"}},
	})
}

// good are claims that are taken; more replaces some, nil takes one away.
func good(more JSON) JSON {
	claims := JSON{"sub": "alice-1", "aud": audience, "scope": "openid tools mcp:write crm:read", "azp": "agent-7"}
	for name, v := range more {
		claims[name] = v
	}
	return claims
}

func TestATokenOfATrustedIssuerIsTakenForWhatItSays(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	v, err := open(t, clock, idp).Vouch(t.Context(), idp.Mint("", nil, good(JSON{
		"tenant": "acme", "sites": []string{"site-A"}, "roles": []string{"manager", "owner"}, "isAdmin": true,
	})))
	if err != nil {
		t.Fatal(err)
	}
	if v.Subject != "corp|alice-1" || v.Client.ID != "corp|agent-7" || v.Client.Verified || v.Resources[0] != "*" {
		t.Errorf("got %+v", v)
	}
	if len(v.Scopes) != 3 || v.Scopes[1] != "mcp:write" {
		t.Errorf("got scopes %q", v.Scopes)
	}
	if roles, _ := v.Claims["roles"].([]any); v.Claims["tenant"] != "acme" || len(roles) != 1 || roles[0] != "manager" || v.Claims["isAdmin"] != nil {
		t.Errorf("got claims %v; want what is allowed, and no admin by any name", v.Claims)
	}
	if v.Issued.IsZero() || !v.Expires.After(v.Issued) {
		t.Errorf("got times %v, %v", v.Issued, v.Expires)
	}
}

func TestATokenThatProvesNothingIsNobodys(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	trusted, now := open(t, clock, idp), time.Now().Unix()
	for name, c := range map[string]struct {
		how    string
		head   JSON
		claims JSON
		taken  bool
	}{
		"good":                              {taken: true},
		"its audience among others":         {claims: JSON{"aud": []string{"x", audience}}, taken: true},
		"of the type of access tokens":      {head: JSON{"typ": "at+jwt"}, taken: true},
		"a clock that is a little ahead":    {claims: JSON{"iat": now + 30, "nbf": now + 30}, taken: true},
		"no algorithm":                      {how: "none"},
		"HMAC with the public key":          {how: "hs256"},
		"another key under our key's name":  {how: "other"},
		"a proof of another kind":           {head: JSON{"typ": "dpop+jwt"}},
		"a logout":                          {head: JSON{"typ": "logout+jwt"}},
		"a critical header nobody knows":    {head: JSON{"crit": []string{"x"}, "x": 1}},
		"another issuer":                    {claims: JSON{"iss": "https://evil.example"}},
		"an issuer with a slash":            {claims: JSON{"iss": idp.URL + "/"}},
		"no issuer":                         {claims: JSON{"iss": nil}},
		"another audience":                  {claims: JSON{"aud": "https://other.example"}},
		"no audience":                       {claims: JSON{"aud": nil}},
		"an audience that begins like ours": {claims: JSON{"aud": audience + ".evil.example"}},
		"expired":                           {claims: JSON{"exp": now - 61}},
		"without an end":                    {claims: JSON{"exp": nil}},
		"an end that is a text":             {claims: JSON{"exp": "9999999999"}},
		"not yet":                           {claims: JSON{"nbf": now + 120}},
		"issued in the future":              {claims: JSON{"iat": now + 120}},
		"bound to a key":                    {claims: JSON{"cnf": JSON{"jkt": "x"}}},
		"without a scope that is required":  {claims: JSON{"scope": "mcp:write"}},
		"without scopes":                    {claims: JSON{"scope": nil}},
		"nobody":                            {claims: JSON{"sub": ""}},
		"a subject that is no text":         {claims: JSON{"sub": 7}},
		"a subject with a line end":         {claims: JSON{"sub": "a\nb"}},
		"a client that is no text":          {claims: JSON{"azp": []string{"x"}}},
	} {
		claims := good(c.claims)
		v, err := trusted.Vouch(t.Context(), idp.Mint(c.how, c.head, claims))
		if err != nil || (v.Subject != "") != c.taken {
			t.Errorf("%s: got %q, %v; want taken %t", name, v.Subject, err, c.taken)
		}
	}
	for _, text := range []string{"", "a.b.c", "..", "eyJhbGciOiJub25lIn0..", idp.Mint("", nil, good(nil)) + "x"} {
		if v, err := trusted.Vouch(t.Context(), text); err != nil || v.Subject != "" {
			t.Errorf("%q: got %q, %v", text, v.Subject, err)
		}
	}
}

func TestATokenForOneAppIsForItAlone(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	v, err := open(t, clock, idp).Vouch(t.Context(), idp.Mint("", nil, JSON{"sub": "alice-1", "aud": "https://mcp.example/crm/mcp", "client_id": "x"}))
	if err != nil || v.Subject != "crm|alice-1" || v.Client.ID != "crm|x" || len(v.Resources) != 1 || v.Resources[0] != "/crm/mcp" {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestAnIssuersKeysAreFollowedWithoutBeingAskedForOften(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	trusted := open(t, clock, idp)
	taken := func(token string) bool {
		t.Helper()
		v, err := trusted.Vouch(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return v.Subject != ""
	}
	before := idp.Mint("", nil, good(nil))
	if !taken(before) {
		t.Fatal("a good token is refused")
	}
	idp.Rotate()
	after := idp.Mint("", nil, good(nil))
	for range 20 { // unknown keys, as many as somebody likes to name
		if taken(after) || taken(idp.Mint("other", nil, good(nil))) {
			t.Fatal("a token with a key that isn't known is taken")
		}
	}
	if got := idp.Seen().Counts["/jwks"]; got != 1 {
		t.Errorf("the keys were asked for %d times; want once", got)
	}
	clock.Move(30 * time.Second)
	if !taken(after) {
		t.Error("the new key is not found")
	}
	if taken(before) {
		t.Error("a token of a key that was withdrawn is taken")
	}
	for range 20 { // others can't even make us look
		taken(idp.Mint("", nil, good(JSON{"iss": "https://evil.example"})))
		taken(idp.Mint("", nil, good(JSON{"aud": "https://evil.example"})))
	}
	if got := idp.Seen().Counts["/jwks"]; got != 2 {
		t.Errorf("the keys were asked for %d times; want twice", got)
	}
}

func TestAnIssuerThatCantBeAskedIsAFault(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	for name, metadata := range map[string]JSON{
		"it speaks for another":      {"issuer": "https://evil.example"},
		"its keys are nowhere":       {"jwks_uri": "http://127.0.0.1:1/jwks"},
		"its keys are no URL":        {"jwks_uri": "jwks"},
		"its keys are behind a user": {"jwks_uri": "http://u:p@127.0.0.1:1/jwks"},
	} {
		idp.Behave(JSON{"metadata": metadata})
		v, err := open(t, clock, idp).Vouch(t.Context(), idp.Mint("", nil, good(nil)))
		if err == nil || errors.Is(err, issuer.ErrRefused) || v.Subject != "" {
			t.Errorf("%s: got %q, %v; want a fault", name, v.Subject, err)
		}
	}
	idp.Behave(nil)
	if v, err := open(t, clock, idp).Vouch(t.Context(), idp.Mint("", nil, good(nil))); err != nil || v.Subject == "" {
		t.Errorf("as it should be: got %q, %v", v.Subject, err)
	}
}
