package edge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/testparts"
)

type JSON = testparts.JSON

// remote is a house in which people sign in at corp, or at plain.
func remote(t *testing.T) (*house, *testparts.Issuer) {
	t.Helper()
	idp := testparts.StartIssuer(t)
	h := open(t, func(h *house, w *web.Config, _ *api.Config, _ *edge.Config) {
		from := netguard.New(netguard.Options{MaxBody: 1 << 20, Private: true})
		provider := func(c issuer.ProviderConfig) *issuer.Provider {
			c.ClientID, c.ClientSecret, c.Reauth = testparts.IssuerClient, testparts.IssuerSecret, reauth
			c.Callback = h.site.URL.String() + "/oauth/callback/" + c.ID
			c.Allow = identity.Allow{Tenants: []string{"acme"}, Roles: []string{"*"}}
			return issuer.NewProvider(h.clock, from, identity.DefaultClaimPaths(), c)
		}
		w.Callbacks = limit.Rate{Count: 1000, Per: time.Minute}
		w.LoginFailures = limit.Rate{Count: 1000, Per: time.Minute}
		w.Providers = []*issuer.Provider{
			provider(issuer.ProviderConfig{ID: "corp", Name: "Corporate login", Issuer: idp.URL, Scopes: []string{"email"}}),
			provider(issuer.ProviderConfig{ID: "other", Issuer: idp.URL}),
		}
		w.Passwords = true
	})
	h.clock.Move(time.Since(h.clock.Now()))
	return h, idp
}

// leave begins a sign-in and returns where the provider would send the browser.
func (b *browser) leave(path string, headers ...string) (back string) {
	b.h.t.Helper()
	to := b.get(path, headers...).want(http.StatusSeeOther).header.Get("Location")
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, to, nil)
	b.h.must(err)
	got, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	b.h.must(err)
	b.h.must(got.Body.Close())
	back, ours := strings.CutPrefix(got.Header.Get("Location"), b.h.site.URL.String())
	if !ours {
		b.h.t.Fatalf("the provider sends to %q", got.Header.Get("Location"))
	}
	return back
}

func TestAPersonSignsInAtTheirProvider(t *testing.T) {
	h, idp := remote(t)
	idp.Behave(JSON{"claims": JSON{"tenant": "acme", "roles": []string{"manager", "admin"}, "isAdmin": true}})
	b := h.browser()
	b.get("/account").wantRedirect("/login?next=%2Faccount")
	b.get("/login?next=%2Faccount").want(http.StatusOK).wantWords("Corporate login", `href="/login?next=%2Faccount&amp;provider=corp"`, "Password")
	before := b.leave("/login?next=%2Faccount&provider=corp")
	if asked := idp.Seen().Asked; asked["scope"] != "openid email" || asked["nonce"] == "" || asked["code_challenge_method"] != "S256" || asked["prompt"] != "" {
		t.Errorf("got the request %v", asked)
	}
	b.get(before).wantRedirect("/account")
	b.get("/account").want(http.StatusOK).wantWords("alice@corp.example")
	b.get(before).want(http.StatusForbidden) // once
	user, err := h.users.Get(t.Context(), "corp|alice-1")
	h.must(err)
	if h.users.Tenant(user) != "acme" || len(h.users.Roles(user)) != 1 || user.Provider != "corp" {
		t.Errorf("got %+v", user)
	}
	h.operator("root").get("/users").want(http.StatusOK).wantWords("corp|alice-1")
	h.operator("root").do(http.MethodPatch, "/users/corp%7Calice-1", `{"password":"correct horse"}`).wantCode(http.StatusUnprocessableEntity, "provider")
	h.operator("root").do(http.MethodPatch, "/users/corp%7Calice-1", `{"admin":false}`).want(http.StatusOK)
	_, secret := h.token("corp|alice-1")
	if !h.works(secret) {
		t.Error("a personal token of theirs does not work")
	}
}

func TestWhatAProviderSendsBackWrongSignsNobodyIn(t *testing.T) {
	h, idp := remote(t)
	now := time.Now().Unix()
	for name, manner := range map[string]JSON{
		"a nonce of another sign-in":    {"claims": JSON{"nonce": "other"}},
		"no nonce":                      {"claims": JSON{"nonce": nil}},
		"another issuer":                {"claims": JSON{"iss": "https://evil.example"}},
		"another audience":              {"claims": JSON{"aud": "someone"}},
		"audiences and no azp":          {"claims": JSON{"aud": []string{"ostiary", "someone"}}},
		"made for another client":       {"claims": JSON{"azp": "someone"}},
		"expired":                       {"claims": JSON{"exp": now - 300}},
		"no end":                        {"claims": JSON{"exp": nil}},
		"made in the future":            {"claims": JSON{"iat": now + 600}},
		"no time":                       {"claims": JSON{"iat": nil}},
		"signed in in the future":       {"claims": JSON{"auth_time": now + 600}},
		"nobody":                        {"claims": JSON{"sub": ""}},
		"not signed":                    {"sign": "none"},
		"HMAC with the public key":      {"sign": "hs256"},
		"another key":                   {"sign": "other"},
		"another issuer's answer":       {"iss": "https://evil.example"},
		"an answer that says no issuer": {"iss": "-"},
		"an error":                      {"error": "access_denied"},
		"an error that is markup":       {"error": "<script>"},
		"userinfo of somebody else":     {"userinfo": JSON{"sub": "eve"}},
	} {
		idp.Behave(manner)
		b := h.browser()
		b.get(b.leave("/login?provider=corp")).want(http.StatusForbidden).wantNoWords("<script>alert", "&lt;script")
		b.get("/account").wantRedirect("/login?next=%2Faccount")
		entries, _, err := h.log.Search(t.Context(), audit.Query{Limit: 1})
		h.must(err)
		if e := entries[0]; e.Event != "sign_in_refused" || e.Detail["provider"] != "corp" || e.Detail["why"] == "" {
			t.Errorf("%s: got the entry %+v", name, e)
		}
	}
	idp.Behave(nil)
	b := h.browser()
	b.get(b.leave("/login?provider=corp")).wantRedirect("/approvals")
	b.get("/account").want(http.StatusOK)
}

func TestOnlyTheBrowserAndPersonThatBeganComeBack(t *testing.T) {
	h, idp := remote(t)
	idp.Behave(nil)
	b, other := h.browser(), h.browser()
	back := b.leave("/login?provider=corp")
	other.get(back).want(http.StatusForbidden)                                      // code injection, forced sign-in
	b.get(strings.Replace(back, "/corp?", "/other?", 1)).want(http.StatusForbidden) // mix-up
	back = b.leave("/login?provider=corp")
	b.signIn("alice") // meanwhile, as somebody else
	b.get(back).want(http.StatusForbidden)
	b.get("/account").wantWords("alice")
	back = b.leave("/login?reauth=1&provider=corp")
	b.get(back).want(http.StatusForbidden).wantWords("somebody else")
	b.get("/account").wantWords("alice").wantNoWords("corp.example")
	for _, answer := range []string{"", "?code=x", "?state=x&code=y", "?code=a&code=b"} {
		h.browser().get("/oauth/callback/corp" + answer).want(http.StatusForbidden)
	}
	b = h.browser()
	b.get(b.leave("/login?provider=corp") + "&code=another").want(http.StatusForbidden)
	b.get("/oauth/callback/nobody?code=x").want(http.StatusNotFound)
	b.get("/login?provider=nobody").want(http.StatusNotFound)
	b.get("/login?provider=corp", "Sec-Fetch-Site", "cross-site").want(http.StatusOK).wantWords("Corporate login") // no link elsewhere begins it
	b.get(b.leave("/login?provider=corp&next=//evil.example")).wantRedirect("/approvals")
}

func TestAnAnswerThatComesTooLateIsNone(t *testing.T) {
	h, _ := remote(t)
	b := h.browser()
	back := b.leave("/login?provider=corp")
	h.clock.Move(10 * time.Minute)
	b.get(back).want(http.StatusForbidden)
}

func TestASignInAtAProviderIsAsFreshAsItSays(t *testing.T) {
	h, idp := remote(t)
	made := func(b *browser) int {
		return b.send("/account/tokens", withCSRF(b, newPersonal("x"+time.Now().String()))).status
	}
	old := time.Now().Add(-time.Hour).Unix()
	idp.Behave(JSON{"claims": JSON{"auth_time": old}})
	b := h.browser()
	b.get(b.leave("/login?provider=corp")).want(http.StatusSeeOther)
	if got := made(b); got != http.StatusSeeOther {
		t.Errorf("signed in an hour ago: got %d, want to be sent to sign in", got)
	}
	cookie := b.jar.Cookies(h.site.URL)
	b.get(b.leave("/login?reauth=1&provider=corp")).want(http.StatusForbidden).wantWords("once more")
	idp.Behave(JSON{"claims": JSON{"auth_time": nil}})
	b.get(b.leave("/login?reauth=1&provider=corp")).want(http.StatusForbidden)
	idp.Behave(nil)
	b.get(b.leave("/login?reauth=1&provider=corp")).want(http.StatusSeeOther)
	if asked := idp.Seen().Asked; asked["prompt"] != "login" || asked["max_age"] != "300" {
		t.Errorf("got the request %v", asked)
	}
	if got := made(b); got != http.StatusOK {
		t.Errorf("signed in again: got %d", got)
	}
	for _, c := range b.jar.Cookies(h.site.URL) {
		for _, before := range cookie {
			if c.Name == "ostiary_session" && c.Name == before.Name && c.Value == before.Value {
				t.Error("the session is the one from before")
			}
		}
	}
}

func TestWhoIsDisabledOrDeletedHereDoesntComeInByAProvider(t *testing.T) {
	h, idp := remote(t)
	idp.Behave(nil)
	b := h.browser()
	in := func() answer { b = h.browser(); return b.get(b.leave("/login?provider=corp")) }
	in().want(http.StatusSeeOther)
	_, secret := h.token("corp|alice-1")
	_, err := h.users.Update(t.Context(), "corp|alice-1", audit.Actor{}, func(u *identity.User) { u.Disabled = true })
	h.must(err)
	b.get("/account").wantRedirect("/login?next=%2Faccount")
	if h.works(secret) {
		t.Error("a token of somebody disabled works")
	}
	in().want(http.StatusForbidden).wantWords("You can&#39;t use this Ostiary")
	h.must(h.core().DeleteUser(t.Context(), "corp|alice-1", audit.Actor{}))
	in().want(http.StatusForbidden)
	h.must(h.users.Create(t.Context(), identity.User{ID: "corp|alice-1"}, audit.Actor{}))
	in().want(http.StatusSeeOther)
}

func TestPasswordsBesideProvidersAreForTheConfigurationsPeople(t *testing.T) {
	h, _ := remote(t)
	h.signIn("root").get("/account").want(http.StatusOK)
	h.must(h.users.Create(t.Context(), identity.User{ID: "stored", PasswordHash: cheap("stored")}, audit.Actor{}))
	h.browser().post("/login", credentials("stored", password("stored"))).want(http.StatusUnauthorized)
}
