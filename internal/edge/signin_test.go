package edge_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/edge/web"
)

func credentials(id, password string) url.Values {
	return url.Values{"username": {id}, "password": {password}}
}

func TestAPageSendsStrangersToSignInAndBack(t *testing.T) {
	h := open(t)
	b := h.browser()
	for _, path := range []string{"/", "/approvals", "/approvals/req_1", "/account", "/account/tokens", "/account/operator"} {
		b.get(path).wantRedirect("/login?next=" + url.QueryEscape(path))
	}
	b.post("/login?next=%2Faccount%2Ftokens", credentials("alice", password("alice"))).wantRedirect("/account/tokens")
	b.get("/account/tokens").want(http.StatusOK).wantWords("alice")
	b.get("/login?next=%2Faccount").wantRedirect("/account")
}

func TestASignInLeadsNowhereElse(t *testing.T) {
	h := open(t)
	for next, want := range map[string]string{
		"https://evil.example/":        "/approvals",
		"//evil.example/":              "/approvals",
		"///evil.example":              "/approvals",
		`/\evil.example`:               "/approvals",
		`\\evil.example`:               "/approvals",
		"/\t/evil.example":             "/approvals",
		"/\n/evil.example":             "/approvals",
		"http:evil.example":            "/approvals",
		"javascript:alert(1)":          "/approvals",
		"evil.example":                 "/approvals",
		"https://x@" + h.site.URL.Host: "/approvals",
		"":                             "/approvals",
		"/approvals/req_1":             "/approvals/req_1",
		"/account?x=https://e/":        "/account?x=https://e/",
	} {
		b := h.browser()
		b.post("/login?next="+url.QueryEscape(next), credentials("alice", password("alice"))).wantRedirect(want)
	}
}

func TestUnknownNamesAndWrongPasswordsGetTheSamePage(t *testing.T) {
	h := open(t)
	b := h.browser()
	wrong := b.post("/login", credentials("alice", "wrong")).want(http.StatusUnauthorized)
	unknown := b.post("/login", credentials("nobody", "wrong")).want(http.StatusUnauthorized)
	if wrong.body != unknown.body {
		t.Errorf("got two pages: %s and %s", wrong.body, unknown.body)
	}
	b.get("/account").want(http.StatusSeeOther)
	b.post("/login", credentials("alice", password("alice"))).want(http.StatusSeeOther)
	b.get("/account").want(http.StatusOK)
}

func TestASignInNeedsTheFormOfThisBrowser(t *testing.T) {
	h := open(t)
	other := h.browser()
	foreign := other.csrf("/login")
	b := h.browser()
	good := credentials("alice", password("alice"))
	b.send("/login", good).want(http.StatusForbidden)
	good.Set("csrf", foreign)
	b.send("/login", good).want(http.StatusForbidden) // no cookie at all
	own := b.csrf("/login")
	b.send("/login", good).want(http.StatusForbidden) // a cookie, another's token
	b.get("/account").want(http.StatusSeeOther)
	good.Set("csrf", own)
	b.send("/login", good).want(http.StatusSeeOther)
	b.get("/account").want(http.StatusOK)
}

func cookieOf(b *browser, name string) string {
	for _, c := range b.jar.Cookies(b.h.site.URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func TestASignInMakesANewSessionAndEndsTheOld(t *testing.T) {
	h := open(t)
	b := h.browser()
	fixed := &http.Cookie{Name: "ostiary_session", Value: "chosen-by-somebody-else", Path: "/"}
	b.jar.SetCookies(h.site.URL, []*http.Cookie{fixed})
	b.signIn("alice")
	first := cookieOf(b, "ostiary_session")
	if first == fixed.Value || first == "" {
		t.Fatalf("got session %q after sign-in, want a new one", first)
	}
	b.signIn("alice")
	second := cookieOf(b, "ostiary_session")
	if second == first {
		t.Error("signing in again kept the session")
	}
	h.send(nil, http.MethodGet, "/account", "", "Cookie", "ostiary_session="+first).want(http.StatusSeeOther)
	h.send(nil, http.MethodGet, "/account", "", "Cookie", "ostiary_session="+second).want(http.StatusOK)
}

func TestSessionCookiesAreForOurEyesOnly(t *testing.T) {
	h := open(t)
	b := h.browser()
	set := strings.Join(b.post("/login", credentials("alice", password("alice"))).header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"ostiary_session=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("got %s, want %s", set, want)
		}
	}
	if strings.Contains(set, "Domain=") {
		t.Errorf("got %s, want no Domain", set)
	}
}

func TestOverHTTPSCookiesAreBoundToTheHost(t *testing.T) {
	h := open(t, func(h *house, w *web.Config, a *api.Config, _ *edge.Config) {
		w.Browsers = visit.NewBrowsers(h.sessions, h.users, h.db.DeriveKey("form tokens"), true, 12*time.Hour)
		a.Browsers = w.Browsers
	})
	form := h.send(nil, http.MethodGet, "/login", "")
	set := form.header.Get("Set-Cookie")
	cookie, _, _ := strings.Cut(set, ";")
	if !strings.HasPrefix(set, "__Host-ostiary_form=") || !strings.Contains(set, "Secure") {
		t.Errorf("got Set-Cookie %s", set)
	}
	fields := credentials("alice", password("alice"))
	fields.Set("csrf", csrfField.FindStringSubmatch(form.body)[1])
	signedIn := h.send(nil, http.MethodPost, "/login", fields.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie).want(http.StatusSeeOther)
	set = signedIn.header.Get("Set-Cookie")
	session, _, _ := strings.Cut(set, ";")
	if !strings.HasPrefix(set, "__Host-ostiary_session=") || !strings.Contains(set, "Secure") {
		t.Errorf("got Set-Cookie %s", set)
	}
	h.send(nil, http.MethodGet, "/account", "", "Cookie", session).want(http.StatusOK)
	h.send(nil, http.MethodGet, "/account", "", "Cookie", strings.TrimPrefix(session, "__Host-")).want(http.StatusSeeOther)
}

func TestASignOutEndsTheSessionForEveryCopyOfItsCookie(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	copied := cookieOf(b, "ostiary_session")
	b.send("/logout", url.Values{}).want(http.StatusForbidden)
	b.get("/account").want(http.StatusOK)
	b.post("/logout", url.Values{}).want(http.StatusOK).wantWords("Signed out")
	b.get("/account").want(http.StatusSeeOther)
	h.send(nil, http.MethodGet, "/account", "", "Cookie", "ostiary_session="+copied).want(http.StatusSeeOther)
}

func TestASessionEndsWhenItIsNotUsed(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	h.clock.Move(idle - time.Minute)
	b.get("/account").want(http.StatusOK)
	h.clock.Move(idle - time.Minute)
	b.get("/account").want(http.StatusOK)
	h.clock.Move(idle)
	b.get("/account").want(http.StatusSeeOther)
}

func TestFailedSignInsAreLimitedByNameAndAddress(t *testing.T) {
	h := open(t, func(_ *house, w *web.Config, _ *api.Config, _ *edge.Config) {
		w.LoginFailures = limit.Rate{Count: 3, Per: time.Minute}
	})
	b := h.browser()
	for range 5 { // what succeeds does not count
		b.signIn("bob")
	}
	b.post("/logout", url.Values{}).want(http.StatusOK)
	for range 3 {
		b.post("/login", credentials("alice", "wrong")).want(http.StatusUnauthorized)
	}
	limited := b.post("/login", credentials("alice", password("alice"))).want(http.StatusTooManyRequests)
	if got := limited.header.Get("Retry-After"); got != "20" {
		t.Errorf("got Retry-After %q, want 20", got)
	}
	b.post("/login", credentials("bob", password("bob"))).want(http.StatusTooManyRequests) // same address
	h.clock.Move(20 * time.Second)
	b.post("/login", credentials("alice", password("alice"))).want(http.StatusSeeOther)
}

func TestAnAccountIsLimitedFromEveryAddress(t *testing.T) {
	h := open(t, func(_ *house, w *web.Config, _ *api.Config, e *edge.Config) {
		w.LoginFailures = limit.Rate{Count: 2, Per: time.Minute}
		e.TrustedProxies = append(e.TrustedProxies, loopback)
	})
	try := func(id, password, from string) answer {
		return h.browser().post("/login", credentials(id, password), "X-Forwarded-For", from)
	}
	try("alice", "wrong", "192.0.2.1").want(http.StatusUnauthorized)
	try("alice", "wrong", "192.0.2.2").want(http.StatusUnauthorized)
	try("alice", password("alice"), "192.0.2.3").want(http.StatusTooManyRequests)
	try("bob", password("bob"), "192.0.2.3").want(http.StatusSeeOther)
}

func TestALimitOfZeroIsNone(t *testing.T) {
	h := open(t, func(_ *house, w *web.Config, _ *api.Config, _ *edge.Config) { w.LoginFailures = limit.Rate{} })
	b := h.browser()
	for range 15 {
		b.post("/login", credentials("alice", "wrong")).want(http.StatusUnauthorized)
	}
}

func TestAMalformedFormIsRefused(t *testing.T) {
	h := open(t)
	b := h.browser()
	csrf := b.csrf("/login")
	send := func(kind, body string) answer {
		return h.send(b.jar, http.MethodPost, "/login", body, "Content-Type", kind)
	}
	const form = "application/x-www-form-urlencoded"
	send("application/json", `{"username":"alice"}`).want(http.StatusBadRequest)
	send("", "username=alice").want(http.StatusBadRequest)
	send(form, "username=%zz").want(http.StatusBadRequest)
	send(form, "username="+strings.Repeat("x", 1<<17)).want(http.StatusRequestEntityTooLarge)
	send(form, "").want(http.StatusForbidden)
	twice := credentials("alice", password("alice"))
	twice["csrf"] = []string{csrf, csrf}
	b.send("/login", twice).want(http.StatusForbidden)
}

func TestTheSignInPageSaysWhatForWhateverTheLink(t *testing.T) {
	h := open(t)
	for next, want := range map[string]string{
		"/approvals/req_X": "To answer an approval request, at", "/account/tokens": "To see your account, at", "/admin/people": "To look after this Ostiary, at",
		"/oauth/authorize?app=crm": "To open an app for an agent, at", "/approvals": "To Acme.", "https://evil.example/": "To Acme.",
	} {
		h.browser().get("/login?next=" + url.QueryEscape(next)).want(http.StatusOK).wantWords(want)
	}
}
