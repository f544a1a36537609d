package edge_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
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

// federated is a house in which people sign in with a password, or at corp where
// remote is set, and link accounts at corp, which is required, and at hub.
func federated(t *testing.T, signIn bool) (*house, *testparts.Issuer) {
	t.Helper()
	idp := testparts.StartIssuer(t)
	h := open(t, func(h *house, w *web.Config, a *api.Config, _ *edge.Config) {
		from := netguard.New(netguard.Options{MaxBody: 1 << 20, Private: true})
		provider := func(id, name string) *issuer.Provider {
			return issuer.NewProvider(h.clock, from, identity.DefaultClaimPaths(), issuer.ProviderConfig{
				ID: id, Name: name, Issuer: idp.URL, ClientID: testparts.IssuerClient, ClientSecret: testparts.IssuerSecret, Reauth: reauth,
				Callback: h.site.URL.String() + "/oauth/callback/" + id, Allow: identity.Allow{Tenants: []string{"*"}, Roles: []string{"*"}, Admin: true},
			})
		}
		w.Callbacks, w.LoginFailures = limit.Rate{Count: 1000, Per: time.Minute}, limit.Rate{Count: 1000, Per: time.Minute}
		corp, hub := provider("corp", "Corporate login"), provider("hub", "")
		w.Federated = []web.Federated{{Provider: corp, Required: true, Scopes: []string{"openid"}}, {Provider: hub}}
		a.Required = []string{"corp"}
		if signIn {
			w.Providers, w.Passwords = []*issuer.Provider{corp, hub}, true
		}
	})
	h.clock.Move(time.Since(h.clock.Now()))
	return h, idp
}

// as has the issuer tell that somebody is there, with much to say.
func as(idp *testparts.Issuer, sub string) {
	idp.Behave(JSON{"claims": JSON{"sub": sub, "tenant": "evil", "roles": []string{"manager"}, "isAdmin": true}, "userinfo": JSON{"sub": sub}})
}

// away begins to link an account and returns where the provider would send the
// browser.
func (b *browser) away(provider, next string) (back string) {
	b.h.t.Helper()
	return b.leave("/login?"+values("link", "1", "provider", provider, "next", next).Encode(), "Sec-Fetch-Site", "same-origin")
}

func TestRequiredAccountsAreLinkedBeforeAnAgentIsConnected(t *testing.T) {
	h, idp := federated(t, false)
	b := h.signIn("alice")
	path := b.begin()
	page := "/account/providers?next=" + url.QueryEscape(path)
	b.get(path).wantRedirect(page)
	b.get(page).want(http.StatusOK).wantWords("Corporate login", "required", "hub", "optional", "link=1").wantNoWords("Go on")
	b.send(path, withCSRF(b, agreed())).wantRedirect(page) // no code without it
	b.send("/account/tokens", withCSRF(b, newPersonal("laptop"))).wantRedirect("/account/providers?next=%2Faccount%2Ftokens")
	b.call(http.MethodPost, "/tokens", `{"name":"x","tier":"read"}`).wantCode(http.StatusForbidden, "link_required")

	as(idp, "a1")
	b.get(b.away("corp", path)).wantRedirect(path)
	h.wantEvents("identity_linked")
	b.get(path).want(http.StatusOK).wantWords("CRM", "link accounts of yours elsewhere")
	b.get(page).wantWords("linked", "Go on to connect", "MCP agent", "Unlink")
	q := b.post(path, agreed()).sentBack(back)
	got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
	p, err := h.resolver.Now(t.Context(), got.Access)
	h.must(err)
	if !h.works(got.Access) || p.Subject != "alice" || p.Tenant != "acme" || p.Admin {
		t.Errorf("got %+v; want alice as she is here, whatever is said of her elsewhere", p)
	}
	b.call(http.MethodPost, "/tokens", `{"name":"x","tier":"read"}`).want(http.StatusCreated)
	b.post("/account/providers", values("action", "unlink", "provider", "corp")).wantRedirect("/account/providers?done=unlink")
	h.wantEvents("identity_unlinked")
	b.get(b.begin("state", "next")).want(http.StatusSeeOther)
}

func TestWhoSaysNoNeedsNoAccount(t *testing.T) {
	h, _ := federated(t, false)
	b := h.signIn("alice")
	q := b.send(b.begin(), withCSRF(b, values("decision", "deny"))).sentBack(back)
	if q.Get("error") != "access_denied" {
		t.Errorf("got %v", q)
	}
}

func TestAConsentTellsProgramsWhatIsLinked(t *testing.T) {
	h, idp := federated(t, false)
	b := h.signIn("alice")
	path := b.begin()
	type provider struct {
		ID, Name string
		AppIDs   []string
		Scopes   []string
		Linked   bool
	}
	login := func() (linked map[string]bool, csrf string) {
		got := read[struct {
			Login struct {
				Providers          []provider
				Required, Optional []string
			}
			CSRF string
		}](b.get(path, "Accept", "application/json").want(http.StatusOK))
		if l := got.Login; len(l.Required) != 1 || l.Required[0] != "corp" || len(l.Optional) != 1 || l.Optional[0] != "hub" ||
			l.Providers[0].Name != "Corporate login" || l.Providers[0].AppIDs == nil || len(l.Providers[0].Scopes) != 1 {
			t.Errorf("got %+v", l)
		}
		linked = map[string]bool{}
		for _, p := range got.Login.Providers {
			linked[p.ID] = p.Linked
		}
		return linked, got.CSRF
	}
	linked, csrf := login()
	if linked["corp"] || linked["hub"] {
		t.Errorf("got %v before", linked)
	}
	const body = `{"decision":"allow","apps":["crm"],"tools":["crm:get_contact"],"tier":"read"}`
	post := func() answer {
		return h.send(b.jar, http.MethodPost, path, body, "Content-Type", "application/json", "X-CSRF-Token", csrf)
	}
	post().wantCode(http.StatusForbidden, "link_required")
	as(idp, "a1")
	b.get(b.away("corp", path)).wantRedirect(path)
	if linked, _ = login(); !linked["corp"] || linked["hub"] {
		t.Errorf("got %v; want corp linked", linked)
	}
	post().want(http.StatusOK)
}

// Only the person who began links, in the browser session in which they did, and
// only from a page of ours.
func TestOnlyItsPersonLinksAnAccount(t *testing.T) {
	h, idp := federated(t, false)
	as(idp, "a1")
	b := h.signIn("alice")
	links := func(want int, what string) {
		t.Helper()
		for _, who := range []string{"alice", "bob"} {
			got, err := h.users.Links(t.Context(), ostiary.Subject(who))
			h.must(err)
			if who == "bob" && len(got) != 0 || who == "alice" && len(got) != want {
				t.Errorf("%s: %s has %v", what, who, got)
			}
		}
	}
	const begin = "/login?link=1&provider=corp"
	for _, from := range []string{"", "cross-site", "same-site", "none"} {
		var headers []string
		if from != "" {
			headers = []string{"Sec-Fetch-Site", from}
		}
		b.get(begin, headers...).wantRedirect("/account/providers")
	}
	h.browser().get(begin, "Sec-Fetch-Site", "same-origin").wantRedirect("/login?next=%2Faccount%2Fproviders")
	b.get("/login?link=1&provider=nobody", "Sec-Fetch-Site", "same-origin").want(http.StatusNotFound)

	back := b.away("corp", "")
	h.signIn("bob").get(back).want(http.StatusForbidden) // in another browser
	links(0, "another browser")
	back = b.away("corp", "")
	b.signIn("bob") // another person in the same browser
	b.get(back).want(http.StatusForbidden)
	links(0, "another person")
	b.signIn("alice")
	back = b.away("corp", "")
	b.post("/logout", values())
	b.get(back).want(http.StatusForbidden)
	links(0, "signed out")
	b.signIn("alice")
	b.get(b.leave("/login?link=1&provider=corp", "Sec-Fetch-Site", "same-origin")).wantRedirect("/account/providers?done=link")
	links(1, "as it should be")
}

func TestAnOldSignInLinksNothing(t *testing.T) {
	h, _ := federated(t, false)
	b := h.signIn("alice")
	h.clock.Move(reauth + time.Second)
	b.get("/login?link=1&provider=corp", "Sec-Fetch-Site", "same-origin").wantRedirect("/login?next=%2Faccount%2Fproviders&reauth=1")
}

func TestNobodySignsInWhereAccountsAreLinkedOnly(t *testing.T) {
	h, idp := federated(t, false)
	as(idp, "a1")
	h.browser().get("/login").wantNoWords("Corporate login")
	h.browser().get("/login?provider=corp").want(http.StatusNotFound)
	b := h.signIn("alice")
	b.get(b.away("corp", "")).want(http.StatusSeeOther)
	if _, err := h.users.Get(t.Context(), "corp|a1"); err == nil {
		t.Error("whoever was linked became a person here")
	}
}

func TestAnAccountThatIsSomebodysIsToldAndNotLinked(t *testing.T) {
	h, idp := federated(t, true)
	as(idp, "p1")
	b := h.browser()
	b.get(b.leave("/login?provider=corp")).want(http.StatusSeeOther) // corp|p1 comes by themself
	if missing, err := h.users.Unlinked(t.Context(), identity.User{ID: "corp|p1", Provider: "corp"}, []string{"corp"}); err != nil || len(missing) != 0 {
		t.Errorf("got %v, %v: the provider that names them counts", missing, err)
	}
	b.get(b.begin()).want(http.StatusOK)
	refused := func(b *browser, provider, problem, words string) {
		t.Helper()
		a := b.get(b.away(provider, ""))
		a.wantRedirect("/account/providers?problem=" + problem)
		b.get(a.header.Get("Location")).wantWords(words)
		entries, _, err := h.log.Search(t.Context(), audit.Query{Limit: 1})
		h.must(err)
		if e := entries[0]; e.Event != "sign_in_refused" || e.Detail["why"] != problem {
			t.Errorf("got the entry %+v", e)
		}
	}
	alice := h.signIn("alice")
	refused(alice, "corp", "linked", "somebody&#39;s here already")
	as(idp, "g1")
	alice.get(alice.away("hub", "")).wantRedirect("/account/providers?done=link") // corp is missing still
	refused(b, "hub", "linked", "somebody&#39;s here already")
	as(idp, "g2")
	refused(alice, "hub", "link_made", "Unlink that one first")
	b.get(b.away("hub", "")).want(http.StatusSeeOther)
	idp.Behave(JSON{"error": "access_denied"})
	refused(alice, "corp", "declined", "Nothing was linked")
	idp.Behave(JSON{"claims": JSON{"nonce": "other"}})
	refused(alice, "corp", "refused", "could not be believed")

	as(idp, "g1") // which alice linked, and nobody signs in by
	stranger := h.browser()
	stranger.get(stranger.leave("/login?provider=hub")).want(http.StatusForbidden).wantWords("Sign in as them")
	stranger.get("/account").wantRedirect("/login?next=%2Faccount")
}
