package edge_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/web"
)

const back = "http://127.0.0.1:4711/callback"

// asks is a good authorization request, with changes: a value of "" takes the
// parameter away.
func asks(changes ...string) string {
	q := values("client_id", "mcp-agent", "redirect_uri", back, "response_type", "code", "scope", "mcp-agent",
		"state", "s t&=%", "code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
			continue
		}
		q.Set(changes[i], changes[i+1])
	}
	return "/oauth/authorize?" + q.Encode()
}

// begin opens an authorization request and returns the consent route.
func (b *browser) begin(changes ...string) string {
	b.h.t.Helper()
	a := b.get(asks(changes...)).want(http.StatusSeeOther)
	to := a.header.Get("Location")
	if !strings.HasPrefix(to, "/oauth/consent/") {
		b.h.t.Fatalf("got sent to %q, want a consent page", to)
	}
	return to
}

func agreed(more ...string) url.Values {
	f := values("decision", "allow", "apps", "crm", "tools", "crm:*", "tier", "write")
	for name, v := range values(more...) {
		f[name] = v
	}
	return f
}

// sentBack is what an answer says to the agent.
func (a answer) sentBack(to string) url.Values {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || !strings.HasPrefix(a.header.Get("Location"), to) {
		a.t.Fatalf("got sent to %q, want %s", a.header.Get("Location"), to)
	}
	return u.Query()
}

func TestAnAgentIsConnected(t *testing.T) {
	h := open(t)
	b := h.browser()
	path := b.begin()
	b.get(path).wantRedirect("/login?next=" + url.QueryEscape(path))
	b.get("/login?next="+url.QueryEscape(path)).wantWords("To connect", "MCP agent")
	b.post("/login?next="+url.QueryEscape(path), values("username", "alice", "password", password("alice"))).wantRedirect(path)
	page := b.get(path).want(http.StatusOK)
	page.wantWords("Connect", "MCP agent", "unverified: says it is one that the operator set up", "an app on this computer", "Ask the data team first.", "CRM", "get_contact", "version 1", "site-A")
	page.wantNoWords("secret_report", `name="apps" value="crm" checked`, `name="tools" value="crm:get_contact" checked`)
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:4711;") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("got policy %q", csp)
	}
	q := b.post(path, agreed("skip", "notes")).sentBack(back)
	if q.Get("state") != "s t&=%" || q.Get("iss") != h.server.URL || q.Has("error") {
		t.Errorf("got %v", q)
	}
	got := read[tokens](h.redeem("mcp-agent", q.Get("code"), "redirect_uri", back).want(http.StatusOK))
	if !h.works(got.Access) || got.Scope != "mcp:write crm:write" {
		t.Errorf("got %+v", got)
	}
	ses, err := h.agents.Find(t.Context(), sessionOf(t, h, got.Access))
	h.must(err)
	if ses.Subject != "alice" || !slices.Equal(ses.Skipped, []string{"notes"}) || !ses.Sites.All || !ses.Expires.Equal(h.clock.Now().Add(grantDefault)) {
		t.Errorf("got %+v", ses)
	}
	b.get("/account/agents").wantWords("MCP agent", "tier write")
	b.send(path, withCSRF(b, agreed())).want(http.StatusNotFound) // decided already
	b.get(b.begin()).wantWords("agreed before")
}

func TestATokenOfTierReadReadsAndNothingElse(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	q := b.post(b.begin("scope", "mcp:read"), agreed("tier", "read")).sentBack(back)
	got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
	if !h.works(got.Access) {
		t.Error("the token doesn't read")
	}
	if a := h.call(got.Access, "crm:update_contact", `{}`); a.Pass != nil || a.Decision.Reason != "insufficient_scope" {
		t.Errorf("got %+v for writing", a.Decision)
	}
	path := b.begin("scope", "mcp:read")
	b.get(path).wantNoWords("delete_contact", `value="write"`)
	b.post(path, agreed("tier", "write")).want(http.StatusUnprocessableEntity)
	b.post(b.begin("scope", ""), agreed("tier", "write")).want(http.StatusUnprocessableEntity) // no scope is the least
}

func TestConsentIsForTheBrowserAndPersonThatItWasShownTo(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin()
	b.get(path).want(http.StatusOK)
	for _, who := range []string{"alice", "bob"} { // another browser
		other := h.signIn(who)
		other.get(path).want(http.StatusForbidden)
		other.send(path, withCSRF(other, agreed())).want(http.StatusForbidden)
	}
	b.send(path, agreed()).want(http.StatusForbidden) // no token
	b.send(path, withCSRF(b, agreed()), "Origin", "https://evil.example").want(http.StatusForbidden)
	b.send(path, withCSRF(b, agreed()), "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
	b.signIn("bob") // another person, in the same browser
	b.get(path).want(http.StatusForbidden)
	b.send(path, withCSRF(b, agreed())).want(http.StatusForbidden)
	b.signIn("alice")
	b.send(path, withCSRF(b, agreed()), "Origin", "null").sentBack(back)
	h.browser().send(path, agreed()).want(http.StatusUnauthorized)
}

func TestAConsentIsShownOnItsOwnRouteOnly(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	agent := b.begin()
	plugin := b.begin("client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "plugin")
	billing := b.begin("client_id", "billing", "redirect_uri", "https://billing.example/cb", "scope", "crm:*")
	if !strings.HasSuffix(agent, "/mcp") || !strings.HasSuffix(plugin, "/plugin") || strings.HasSuffix(billing, "/mcp") {
		t.Errorf("got %s, %s, %s", agent, plugin, billing)
	}
	for _, path := range []string{agent, plugin, billing} {
		b.get(path).want(http.StatusOK)
	}
	base := strings.TrimSuffix(agent, "/mcp")
	b.get(base).want(http.StatusNotFound)
	b.get(base + "/plugin").want(http.StatusNotFound)
	b.get("/oauth/consent/ask_none/mcp").want(http.StatusNotFound)
	b.get(billing).wantWords("CRM").wantNoWords("notes")
}

func TestARequestIsOverInTenMinutes(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin()
	h.clock.Move(10 * time.Minute)
	b.get(path).want(http.StatusNotFound)
}

// Whoever can't be trusted with an address is not sent there.
func TestAWrongClientOrRedirectURIIsAPageAndNoRedirect(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	for name, path := range map[string]string{
		"unknown client":    asks("client_id", "nobody"),
		"no client":         asks("client_id", ""),
		"no redirect URI":   asks("redirect_uri", ""),
		"client twice":      asks() + "&client_id=mcp-agent",
		"redirect twice":    asks() + "&redirect_uri=" + url.QueryEscape(back),
		"machine":           asks("client_id", "nightly"),
		"user info":         asks("redirect_uri", "http://127.0.0.1@evil.example/"),
		"backslash":         asks("redirect_uri", `http://127.0.0.1\@evil.example/`),
		"another host":      asks("redirect_uri", "http://localhost.evil.example/"),
		"unspecified":       asks("redirect_uri", "http://0.0.0.0/"),
		"decimal":           asks("redirect_uri", "http://2130706433/"),
		"octal":             asks("redirect_uri", "http://0177.0.0.1/"),
		"fragment":          asks("redirect_uri", "http://127.0.0.1/#x"),
		"https":             asks("redirect_uri", "https://127.0.0.1/"),
		"tab":               asks("redirect_uri", "http://127.0.0.1/\tx"),
		"two labels":        asks("client_id", "acme-plugin", "scope", "plugin", "redirect_uri", "https://a.b.acme.example/cb"),
		"another path":      asks("client_id", "acme-plugin", "scope", "plugin", "redirect_uri", "https://a.acme.example/cb2"),
		"script":            asks("redirect_uri", "javascript:alert(1)"),
		"document is down":  asks("client_id", "https://down.example/c"),
		"not in a document": asks("client_id", claude, "redirect_uri", "http://localhost:5/other"),
	} {
		a := b.get(path)
		if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.Contains(a.body, "<h1>") {
			t.Errorf("%s: got %d, Location %q", name, a.status, a.header.Get("Location"))
		}
	}
	for _, uri := range []string{"http://127.0.0.1/", "http://127.0.0.1:1/x", "http://localhost:80/", "http://localhost:65535/cb?a=b", "http://[::1]:3000/cb"} {
		b.begin("redirect_uri", uri)
	}
	b.begin("client_id", claude, "redirect_uri", "http://localhost:50123/callback")
}

// mcp-remote looks there with the id that it has from before, and registers
// anew when it hears that nobody knows it.
func TestAProgramThatLooksAheadHearsOfAWrongClientInJSON(t *testing.T) {
	h := open(t)
	for name, c := range map[string]struct{ path, code string }{
		"unknown client":   {asks("client_id", "nobody"), "invalid_client"},
		"document is down": {asks("client_id", "https://down.example/c"), "temporarily_unavailable"},
		"redirect URI":     {asks("redirect_uri", "https://127.0.0.1/"), "invalid_request"},
		"client twice":     {asks() + "&client_id=mcp-agent", "invalid_request"},
	} {
		a := h.send(nil, http.MethodGet, c.path, "", "Accept", "application/json").want(http.StatusBadRequest)
		if got := read[map[string]string](a); got["error"] != c.code || got["error_description"] == "" || a.header.Get("Location") != "" {
			t.Errorf("%s: got %s", name, a.body)
		}
		a.wantHeaders("Content-Type", "application/json", "Cache-Control", "no-store", "Access-Control-Allow-Origin", "")
		h.send(nil, http.MethodGet, c.path, "", "Accept", "text/html,application/json").want(http.StatusBadRequest).wantWords("<h1>")
	}
	h.send(nil, http.MethodGet, asks(), "", "Accept", "application/json").want(http.StatusSeeOther)
}

func TestWhatIsWrongOtherwiseGoesBackToTheAgent(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	const own = back + "?keep=1"
	for code, changes := range map[string][][]string{
		"unsupported_response_type": {{"response_type", "token"}, {"response_type", "code id_token"}},
		"invalid_request": {
			{"response_type", ""},
			{"code_challenge", ""},
			{"code_challenge_method", ""},
			{"code_challenge_method", "plain"},
			{"code_challenge", "short"},
			{"code_challenge", strings.Repeat("!", 43)},
			{"code_challenge", strings.Repeat("a", 129)},
			{"response_mode", "fragment"},
			{"state", strings.Repeat("s", 5000)},
		},
		"invalid_scope":             {{"scope", "admin"}, {"scope", "mcp-agent nothing:read"}, {"scope", "mcp:root"}, {"scope", "plugin"}},
		"invalid_target":            {{"resource", "https://elsewhere.example/mcp"}, {"resource", h.server.URL + "/crm/mcp"}, {"resource", "x"}},
		"interaction_required":      {{"prompt", "none"}},
		"request_not_supported":     {{"request", "x"}},
		"request_uri_not_supported": {{"request_uri", "https://x.example"}},
	} {
		for _, change := range changes {
			q := b.get(asks(append(change, "redirect_uri", own)...)).sentBack(back)
			if q.Get("error") != code || q.Get("iss") != h.server.URL || q.Get("keep") != "1" || q.Get("error_description") == "" || q.Has("code") {
				t.Errorf("%v: got %v, want %s", change, q, code)
			}
		}
	}
	if q := b.get(asks() + "&scope=mcp:read").sentBack(back); q.Get("error") != "invalid_request" || q.Get("state") != "s t&=%" {
		t.Errorf("a parameter twice: got %v", q)
	}
	if q := b.get(asks("client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "mcp-agent")).sentBack("https://eu.acme.example/cb"); q.Get("error") != "invalid_scope" {
		t.Errorf("a scope outside of the client's: got %v", q)
	}
	b.begin("scope", "openid profile email offline_access mcp:write crm:read")
	b.begin("resource", h.server.URL+"/mcp/")
}

func TestATokenIsForTheResourceThatWasAskedFor(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	resource := func(path string) []string {
		a := b.get(path).want(http.StatusSeeOther)
		q := b.post(a.header.Get("Location"), values("decision", "allow", "apps", "notes", "tier", "read")).sentBack(back)
		got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
		p, err := h.resolver.Now(t.Context(), got.Access)
		h.must(err)
		return p.Resources
	}
	for path, want := range map[string]string{
		asks():                     "/mcp",
		"/authorize" + asks()[16:]: "/mcp",
		"/notes" + asks():          "/notes/mcp",
		asks("resource", h.server.URL+"/notes/mcp"): "/notes/mcp",
	} {
		if got := resource(path); !slices.Equal(got, []string{want}) {
			t.Errorf("%.40s: got resources %v, want %s", path, got, want)
		}
	}
	b.get("/crm" + asks()).want(http.StatusNotFound)
	path := b.get("/notes" + asks()).header.Get("Location")
	b.get(path).wantWords("notes").wantNoWords("CRM") // an app that the resource doesn't have
}

func TestATokenReachesWhatWasAgreedToAndShown(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	connect := func(f url.Values) string {
		q := b.post(b.begin(), f).sentBack(back)
		return read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK)).Access
	}
	one := connect(values("decision", "allow", "apps", "crm", "tools", "crm:get_contact", "tools", "crm:secret_report", "tools", "hr:x", "apps", "hr", "tier", "write"))
	if !h.works(one) {
		t.Error("the tool that was agreed to is refused")
	}
	if a := h.call(one, "crm:update_contact", `{}`); a.Decision.Reason != "tool_not_consented" {
		t.Errorf("got %s for a tool that was not agreed to", a.Decision.Reason)
	}
	none := connect(values("decision", "allow", "tier", "write"))
	if a := h.call(none, "crm:get_contact", `{}`); a.Decision.Reason != "authorization_required" {
		t.Errorf("got %s for an app that was not opened", a.Decision.Reason)
	}
	path := b.begin()
	b.post(path, values("decision", "allow", "tools", "crm:get_contact")).want(http.StatusUnprocessableEntity).wantWords("an app that you did not open", `value="crm:get_contact" checked`)
	b.post(path, agreed("skip", "crm")).want(http.StatusUnprocessableEntity)
	b.post(path, agreed("expires", "99999999999")).want(http.StatusUnprocessableEntity)
	b.post(path, agreed("expires", "x")).want(http.StatusUnprocessableEntity)
	b.post(path, agreed("expires", "0")).want(http.StatusUnprocessableEntity) // not the end of who says nothing
	q := b.post(path, agreed("expires", "3600")).sentBack(back)
	got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
	ses, err := h.agents.Find(t.Context(), sessionOf(t, h, got.Access))
	h.must(err)
	if !ses.Expires.Equal(h.clock.Now().Add(time.Hour)) {
		t.Errorf("got an end at %v", ses.Expires)
	}
}

// A page that is open already must not come to mean more than stands on it.
func TestToolsThatComeWhileThePageIsOpenAreNotAgreedTo(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin()
	b.get(path).want(http.StatusOK)
	(*h.lists)["crm"] = append((*h.lists)["crm"], "get_salary")
	h.must(h.catalogue.Refresh(t.Context()))
	b.get(path).wantNoWords("get_salary")
	q := b.post(path, values("decision", "allow", "apps", "crm", "tools", "crm:get_contact", "tools", "crm:get_salary", "tier", "read")).sentBack(back)
	got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
	if a := h.call(got.Access, "crm:get_salary", `{}`); a.Decision.Reason != "tool_not_consented" {
		t.Errorf("got %s", a.Decision.Reason)
	}
}

func withAdmins(admins identity.Admins) option {
	return func(h *house, w *web.Config, _ *api.Config, e *edge.Config) {
		w.Admins = admins
		w.Pending = pending.New(h.db, h.log, h.users, h.agents, h.grants, pending.Config{GrantDefault: grantDefault, GrantMax: grantMax, Admins: admins})
	}
}

func TestWhatBecomesOfAPersonsAdminRights(t *testing.T) {
	admin := func(h *house) *browser {
		_, err := h.users.Update(t.Context(), "dana", actor, func(u *identity.User) { u.Claims["isAdmin"] = true })
		h.must(err)
		return h.signIn("dana")
	}
	withDana := func(h *house, _ *web.Config, _ *api.Config, _ *edge.Config) {
		h.must(h.users.Create(t.Context(), person("dana", false, identity.Claims{"tenant": "acme", "roles": []any{"admin"}}), actor))
	}
	connect := func(h *house, b *browser, more ...string) bool {
		q := b.post(b.begin(), agreed(more...)).sentBack(back)
		got := read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
		p, err := h.resolver.Now(t.Context(), got.Access)
		h.must(err)
		return p.Admin
	}
	h := open(t, withDana)
	b := admin(h)
	b.get(b.begin()).wantWords("admin rights")
	if connect(h, b) {
		t.Error("admin rights are there without the tick")
	}
	if !connect(h, b, "keep_admin", "1") {
		t.Error("admin rights are gone with the tick")
	}
	alice := h.signIn("alice")
	alice.get(alice.begin()).wantNoWords("admin rights")
	h = open(t, withDana, withAdmins(identity.AdminsReject))
	b = admin(h)
	if q := b.get(b.begin()).sentBack(back); q.Get("error") != "access_denied" {
		t.Errorf("got %v", q)
	}
	if q := b.send(b.begin(), withCSRF(b, agreed())).sentBack(back); q.Get("error") != "access_denied" {
		t.Errorf("got %v", q)
	}
}

func TestAResourceClientIsForThoseWhoBelongToItsOwner(t *testing.T) {
	h := open(t)
	ask := []string{"client_id", "billing", "redirect_uri", "https://billing.example/cb", "scope", "crm:*"}
	b := h.signIn("alice")
	q := b.post(b.begin(ask...), agreed("tier", "read")).sentBack("https://billing.example/cb")
	h.form("/oauth/token", values("grant_type", "authorization_code", "client_id", "billing", "code", q.Get("code"), "code_verifier", verifier)).wantOAuth(http.StatusUnauthorized, "invalid_client")
	h.form("/oauth/token", values("grant_type", "authorization_code", "client_id", "billing", "client_secret", "billing's secret", "code", q.Get("code"), "code_verifier", verifier)).want(http.StatusOK)
	boss := h.signIn("boss") // of no site
	if q := boss.get(boss.begin(ask...)).sentBack("https://billing.example/cb"); q.Get("error") != "access_denied" {
		t.Errorf("got %v", q)
	}
	boss.get(boss.begin()).want(http.StatusOK) // agents ask no such thing
}

func TestAnAgentsOwnAddressIsALinkOnAPage(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	const cursor = "cursor://anysphere.cursor-mcp/oauth/callback"
	made := read[struct {
		ID string `json:"client_id"`
	}](h.send(nil, http.MethodPost, "/oauth/register", `{"client_name":"<b>Cursor</b>","redirect_uris":["`+cursor+`"]}`, "Content-Type", "application/json").want(http.StatusCreated))
	path := b.begin("client_id", made.ID, "redirect_uri", cursor)
	page := b.get(path).want(http.StatusOK)
	page.wantWords("unverified: it gave itself this name", "&lt;b&gt;Cursor").wantNoWords("<b>Cursor")
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' cursor:;") {
		t.Errorf("got policy %q", csp)
	}
	a := b.post(path, agreed()).want(http.StatusOK)
	a.wantWords("Return to", `href="`+cursor+`?code=ost_ac_`)
	if !strings.HasPrefix(a.header.Get("Refresh"), "0; url="+cursor+"?code=ost_ac_") {
		t.Errorf("got Refresh %q", a.header.Get("Refresh"))
	}
}

func TestConsentByJSON(t *testing.T) {
	h := open(t)
	b := h.browser()
	path := b.begin()
	asJSON := []string{"Accept", "application/json"}
	b.get(path, asJSON...).wantCode(http.StatusUnauthorized, "unauthenticated")
	b.signIn("alice")
	got := read[struct {
		Consent struct {
			AvailableTools []struct{ ID, Name, AppID, Category string }
			PreSelected    []string
			GroupBy        string
		}
		Login struct {
			Providers          []struct{ ID string }
			Required, Optional []string
		}
		Client struct{ ID, Name string }
		CSRF   string
	}](b.get(path, asJSON...).want(http.StatusOK))
	if len(got.Consent.AvailableTools) != 4 || len(got.Consent.PreSelected) != 0 || got.Consent.GroupBy != "appId" || got.Client.ID != "mcp-agent" || got.Login.Providers == nil {
		t.Errorf("got %+v", got)
	}
	post := func(body string, headers ...string) answer {
		return h.send(b.jar, http.MethodPost, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	const body = `{"decision":"allow","apps":["crm"],"tools":["crm:get_contact"],"tier":"read"}`
	post(body).wantCode(http.StatusForbidden, "csrf")
	post(`{"decision":"allow","decision":"deny"}`, "X-CSRF-Token", got.CSRF).wantCode(http.StatusBadRequest, "invalid_request")
	post(`{"decision":"allow","subject":"root"}`, "X-CSRF-Token", got.CSRF).wantCode(http.StatusBadRequest, "invalid_request")
	post(`{"decision":"allow","tools":["crm:get_contact"]}`, "X-CSRF-Token", got.CSRF).wantCode(http.StatusUnprocessableEntity, "not_offered")
	for _, none := range []string{"0", "-1", "-0"} {
		post(`{"decision":"allow","apps":["crm"],"expires":`+none+`}`, "X-CSRF-Token", got.CSRF).want(http.StatusUnprocessableEntity)
	}
	to := read[map[string]string](post(body, "X-CSRF-Token", got.CSRF).want(http.StatusOK))["redirect_to"]
	u, err := url.Parse(to)
	h.must(err)
	h.redeem("mcp-agent", u.Query().Get("code")).want(http.StatusOK)
}

func TestATroubledStorageCostsNobodyTheirConsent(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin()
	csrf := b.csrf(path)
	f := agreed("csrf", csrf)
	h.raw.failCommits(errDisk)
	b.send(path, f).want(http.StatusServiceUnavailable)
	h.raw.failCommits(nil)
	b.send(path, f).sentBack(back)
}

// Nobody has signed in, and hosts are asked on their word: only so often. Who
// is known is asked for nowhere, and comes in.
func TestAnAddressHasFewUnknownHostsAskedFor(t *testing.T) {
	h := open(t)
	b := h.browser()
	ask := func(id string) answer {
		return b.get(asks("client_id", id, "redirect_uri", "http://localhost/callback"))
	}
	ask(claude).want(http.StatusSeeOther)
	for i := range 4 {
		ask(fmt.Sprintf("https://victim.example/%d", i)).want(http.StatusBadRequest)
	}
	ask("https://victim.example/more").want(http.StatusTooManyRequests)
	ask("https://victim.example/1").want(http.StatusBadRequest) // remembered: nobody is asked
	ask(claude).want(http.StatusSeeOther)
	b.get(asks()).want(http.StatusSeeOther)
}
