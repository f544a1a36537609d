package issuer_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store/storetest"
)

const callback = "http://127.0.0.1:1/oauth/callback/corp"

// at is a provider; edits change how it is configured.
func at(from issuer.Fetcher, clock *storetest.Clock, edits ...func(*issuer.ProviderConfig)) *issuer.Provider {
	c := issuer.ProviderConfig{
		ID: "corp", ClientID: testparts.IssuerClient, ClientSecret: testparts.IssuerSecret, Callback: callback, Reauth: 5 * time.Minute,
		Allow: identity.Allow{Tenants: []string{"*"}},
	}
	for _, edit := range edits {
		edit(&c)
	}
	return issuer.NewProvider(clock, from, identity.DefaultClaimPaths(), c)
}

func openID(idp *testparts.Issuer) func(*issuer.ProviderConfig) {
	return func(c *issuer.ProviderConfig) { c.Issuer, c.Scopes = idp.URL, []string{"openid"} }
}

func plain(idp *testparts.Issuer) func(*issuer.ProviderConfig) {
	return func(c *issuer.ProviderConfig) {
		c.AuthorizeURL, c.TokenURL, c.UserinfoURL = idp.URL+"/authorize?tenant=x", idp.URL+"/token", idp.URL+"/userinfo"
	}
}

// visit goes to the provider as a browser does, and returns its answer.
func visit(t *testing.T, p *issuer.Provider, again bool) (issuer.Attempt, url.Values) {
	t.Helper()
	a, to, err := p.Begin(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	back, err := got.Location()
	if err != nil {
		t.Fatalf("got %d: %v", got.StatusCode, err)
	}
	return a, back.Query()
}

func TestWhoComesFromPlainOAuthIsKnownByAnIDThatStays(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	p := at(near(), clock, plain(idp))
	for name, c := range map[string]struct {
		said JSON
		want ostiary.Subject
	}{
		"sub":                 {nil, "corp|alice-1"},
		"a number":            {JSON{"sub": nil, "id": 9007199254740993, "login": "alice"}, "corp|9007199254740993"},
		"an id that is text":  {JSON{"sub": nil, "id": "u7"}, "corp|u7"},
		"only a name":         {JSON{"sub": nil, "login": "alice"}, ""},
		"an id that is a sum": {JSON{"sub": nil, "id": -1.5}, ""},
		"nothing":             {JSON{"sub": nil}, ""},
	} {
		idp.Behave(JSON{"userinfo": c.said})
		a, answer := visit(t, p, false)
		who, err := p.Finish(t.Context(), a, answer)
		if who.Subject != c.want || (c.want == "") != errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: got %q, %v", name, who.Subject, err)
		}
	}
	idp.Behave(JSON{"userinfo": JSON{"email_verified": false}})
	a, answer := visit(t, p, false)
	if who, err := p.Finish(t.Context(), a, answer); err != nil || who.Email != "" {
		t.Errorf("an address that nobody checked: got %q, %v", who.Email, err)
	}
}

// A code is good for the attempt that it answers alone, and once; the secret
// and PKCE are really asked for.
func TestACodeIsGoodForItsAttemptAlone(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	for name, edit := range map[string]func(*issuer.ProviderConfig){"OpenID Connect": openID(idp), "plain OAuth": plain(idp)} {
		p := at(near(), clock, edit)
		a, answer := visit(t, p, false)
		b, other := visit(t, p, false)
		injected := url.Values{"state": {b.State}, "iss": other["iss"], "code": answer["code"]}
		if _, err := p.Finish(t.Context(), b, injected); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: the code of another attempt: got %v", name, err)
		}
		if _, err := p.Finish(t.Context(), a, other); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: the answer to another attempt: got %v", name, err)
		}
		for _, state := range [][]string{nil, {""}, {b.State}, {a.State, a.State}} {
			forged := url.Values{"state": state, "iss": answer["iss"], "code": answer["code"]}
			if _, err := p.Finish(t.Context(), a, forged); !errors.Is(err, issuer.ErrRefused) {
				t.Errorf("%s: the state %q: got %v", name, state, err)
			}
		}
		if _, err := p.Finish(t.Context(), a, answer); err != nil {
			t.Errorf("%s: its own: got %v", name, err)
		}
		if _, err := p.Finish(t.Context(), a, answer); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: a second time: got %v", name, err)
		}
		wrong := at(near(), clock, edit, func(c *issuer.ProviderConfig) { c.ClientSecret = "wrong" })
		a, answer = visit(t, wrong, false)
		if _, err := wrong.Finish(t.Context(), a, answer); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: another secret: got %v", name, err)
		}
	}
}

func TestAProviderThatPromisesNoIssuerIsTakenWithoutOne(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	for iss, taken := range map[string]bool{"-": true, "": true, "https://evil.example": false} {
		idp.Behave(JSON{"no_iss": true, "iss": iss})
		p := at(near(), clock, openID(idp))
		a, answer := visit(t, p, false)
		if _, err := p.Finish(t.Context(), a, answer); (err == nil) != taken {
			t.Errorf("iss %q: got %v, want taken %t", iss, err, taken)
		}
	}
}

func TestAProviderOnAPrivateAddressIsReachedWhereThatIsAllowed(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	far := netguard.New(netguard.Options{MaxBody: 1 << 20})
	if _, _, err := at(far, clock, openID(idp)).Begin(t.Context(), false); !errors.Is(err, netguard.ErrRefused) {
		t.Errorf("got %v", err)
	}
	p := at(far, clock, plain(idp))
	a, answer := visit(t, p, false)
	if _, err := p.Finish(t.Context(), a, answer); !errors.Is(err, netguard.ErrRefused) {
		t.Errorf("the token endpoint: got %v", err)
	}
	if _, _, err := at(near(), clock, openID(idp)).Begin(t.Context(), false); err != nil {
		t.Errorf("where it is allowed: got %v", err)
	}
}

func TestASignInThatHadToBeFreshIs(t *testing.T) {
	idp, clock := testparts.StartIssuer(t), storetest.ClockAt(time.Now())
	p, now := at(near(), clock, openID(idp)), time.Now().Unix()
	for name, c := range map[string]struct {
		claims JSON
		fresh  bool
	}{
		"just now": {nil, true}, "within the limit": {JSON{"auth_time": now - 200}, true}, "long ago": {JSON{"auth_time": now - 3600}, false},
		"not told": {JSON{"auth_time": nil}, false}, "a text": {JSON{"auth_time": "now"}, false},
	} {
		idp.Behave(JSON{"claims": c.claims})
		a, answer := visit(t, p, true)
		if _, err := p.Finish(t.Context(), a, answer); (err == nil) != c.fresh || err != nil && !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: got %v, want fresh %t", name, err, c.fresh)
		}
	}
}
