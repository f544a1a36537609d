package edge_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/edge/web"
)

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func TestAForeignHostIsMisdirectedOnALoopbackListener(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/healthz", "/login", "/mcp", "/api/v1/session"} {
		for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "192.168.0.1", "0.0.0.0", "localhost.", "127.0.0.1:80.evil.example", "localhost:x"} {
			h.send(nil, http.MethodGet, path, "", "Host", host).want(http.StatusMisdirectedRequest)
		}
	}
	for _, host := range []string{h.site.URL.Host, "localhost:8080", "LOCALHOST", "127.0.0.1", "[::1]:8080", "127.8.8.8"} {
		h.send(nil, http.MethodGet, "/healthz", "", "Host", host).want(http.StatusOK)
	}
}

func TestAForeignHostChangesNoLink(t *testing.T) {
	h := open(t, func(h *house, _ *web.Config, _ *api.Config, e *edge.Config) {
		e.Site = visit.Site{URL: &url.URL{Scheme: "https", Host: "ostiary.example"}}
	})
	a := h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource/mcp", "", "Host", "evil.example").want(http.StatusOK)
	a.wantWords(`"resource":"https://ostiary.example/mcp"`)
	a.wantNoWords("evil.example")
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("got no Strict-Transport-Security over https")
	}
	h.send(nil, http.MethodGet, "/approvals", "", "Host", "evil.example").wantRedirect("/login?next=%2Fapprovals")
}

// Every form of people, with a session and a good token: none is taken from
// another site's page.
func TestAPostFromAnotherSiteIsRefusedEvenWithAGoodToken(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	b := h.signIn("alice")
	ours := "http://" + h.site.URL.Host
	answer := url.Values{"decision": {"approve"}, "scope": {"once"}}
	for name, headers := range map[string][]string{
		"cross-site":            {"Sec-Fetch-Site", "cross-site"},
		"same-site":             {"Sec-Fetch-Site", "same-site"},
		"another origin":        {"Origin", "https://evil.example"},
		"another port":          {"Origin", "http://127.0.0.1:1"},
		"another scheme":        {"Origin", "https://" + h.site.URL.Host},
		"two origins":           {"Origin", ours, "Origin", "https://evil.example"},
		"null from a sandbox":   {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
		"our origin, elsewhere": {"Origin", ours, "Sec-Fetch-Site", "cross-site"},
	} {
		b.post("/approvals/"+r.ID, answer, headers...).want(http.StatusForbidden)
		b.post("/logout", url.Values{}, headers...).want(http.StatusForbidden)
		b.api(http.MethodPost, "/approvals/"+r.ID+"/decision", `{"decision":"approve"}`, append(headers, "X-CSRF-Token", b.csrf("/account"))...).wantCode(http.StatusForbidden, "cross_site")
		if got := h.request(r.ID).Status; got != approval.Pending {
			t.Fatalf("%s: the request is %s", name, got)
		}
	}
	b.send("/approvals/"+r.ID, answer, "Origin", "null").want(http.StatusForbidden) // no token
	b.get("/account").want(http.StatusOK)
	b.post("/approvals/"+r.ID, answer, "Origin", "null").wantRedirect("/approvals/" + r.ID)
	if got := h.request(r.ID).Status; got != approval.Approved {
		t.Errorf("got %s, want approved: our own form with Origin null", got)
	}
	b.post("/logout", url.Values{}, "Origin", ours, "Sec-Fetch-Site", "same-origin").want(http.StatusOK)
}

func (h *house) request(id string) approval.Request {
	h.t.Helper()
	r, err := h.approvals.Request(h.t.Context(), id)
	h.must(err)
	return r
}

func TestAPathThatIsNotThereAndAMethodThatIsNotTaken(t *testing.T) {
	h := open(t)
	h.send(nil, http.MethodGet, "/nothing", "").want(http.StatusNotFound).wantWords("Nothing here", "<!doctype html>")
	h.send(nil, http.MethodGet, "/api/v1/nothing", "").wantCode(http.StatusNotFound, "not_found")
	h.send(nil, http.MethodGet, "/logout", "").want(http.StatusMethodNotAllowed)
	a := h.send(nil, http.MethodDelete, "/api/v1/approvals", "")
	a.wantCode(http.StatusMethodNotAllowed, "method_not_allowed")
	if got := a.header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("got Allow %q, want GET, HEAD", got)
	}
}

func TestAgentsAreLedToTheirDoor(t *testing.T) {
	h := open(t)
	h.send(nil, http.MethodPost, "/mcp", "", "Origin", "https://evil.example").want(http.StatusOK).wantWords("mcp ")
	h.send(nil, http.MethodDelete, "/notes/mcp", "").want(http.StatusOK).wantWords("mcp notes")
	h.send(nil, http.MethodGet, "/approvals/mcp", "").want(http.StatusSeeOther) // a page, not an app
}

func TestAResourceTellsWhatProtectsIt(t *testing.T) {
	h := open(t)
	for path, want := range map[string]string{
		"/.well-known/oauth-protected-resource":           "/mcp",
		"/.well-known/oauth-protected-resource/mcp":       "/mcp",
		"/mcp/.well-known/oauth-protected-resource":       "/mcp",
		"/.well-known/oauth-protected-resource/notes/mcp": "/notes/mcp",
	} {
		a := h.send(nil, http.MethodGet, path, "").want(http.StatusOK)
		if got := read[struct{ Resource string }](a).Resource; got != h.server.URL+want {
			t.Errorf("%s: got resource %q, want %q", path, got, h.server.URL+want)
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: got Access-Control-Allow-Origin %q, want *", path, got)
		}
	}
	h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource/crm/mcp", "").want(http.StatusNotFound)
}

func TestReadinessNeedsStorageThatTakesWrites(t *testing.T) {
	h := open(t)
	h.send(nil, http.MethodGet, "/readyz", "").want(http.StatusOK)
	h.raw.fail(errors.New("disk full"))
	h.clock.Move(time.Minute)
	a := h.send(nil, http.MethodGet, "/readyz", "").want(http.StatusServiceUnavailable)
	a.wantNoWords("disk full")
	h.send(nil, http.MethodGet, "/healthz", "").want(http.StatusOK)
	h.raw.fail(nil)
	h.clock.Move(time.Minute)
	h.send(nil, http.MethodGet, "/readyz", "").want(http.StatusOK)
}

func TestStorageTroubleIsUnavailableAndTellsNoInsides(t *testing.T) {
	h := open(t)
	b, p := h.signIn("alice"), h.operator("alice")
	h.raw.fail(errors.New("secret inside"))
	for _, a := range []answer{b.get("/approvals"), b.get("/account"), p.get("/approvals")} {
		a.want(http.StatusServiceUnavailable).wantWords("cal_").wantNoWords("secret inside")
	}
	h.raw.fail(nil)
	b.get("/approvals").want(http.StatusOK)
}

func TestAPanicIsAnAnswerWithoutInsides(t *testing.T) {
	h := open(t, func(h *house, w *web.Config, a *api.Config, e *edge.Config) {
		w.Users, a.Users = nil, nil // whoever needs them panics
		e.MCP = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret inside") })
	})
	b := h.browser()
	a := b.post("/login", credentials("alice", "x")).want(http.StatusInternalServerError)
	a.wantWords("Something broke", "cal_").wantNoWords("goroutine", "nil pointer")
	h.send(nil, http.MethodPost, "/mcp", "").wantCode(http.StatusInternalServerError, "internal")
	h.operator("root").get("/users").wantCode(http.StatusInternalServerError, "internal")
	h.send(nil, http.MethodGet, "/healthz", "").want(http.StatusOK)
}

func TestTheClientsAddressIsThatBehindOurProxies(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		peer string
		via  []string
		want string
	}{
		{"192.0.2.1:1", nil, "192.0.2.1"},
		{"192.0.2.1:1", []string{"203.0.113.9"}, "192.0.2.1"}, // not our proxy: not believed
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"}, // what the client wrote itself
		{"10.0.0.1:1", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"127.0.0.1", "203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"203.0.113.9, nonsense"}, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		for _, v := range c.via {
			r.Header.Add("X-Forwarded-For", v)
		}
		if got := visit.Address(visit.WithAddress(r, proxies).Context()).String(); got != c.want {
			t.Errorf("peer %s via %q: got %s, want %s", c.peer, c.via, got, c.want)
		}
	}
}

func TestPagesFindTheirStylesheetAndScript(t *testing.T) {
	h := open(t)
	page := h.send(nil, http.MethodGet, "/login", "")
	for _, path := range assetPath.FindAllString(page.body, -1) {
		h.send(nil, http.MethodGet, path, "").want(http.StatusOK)
	}
	if got := len(assetPath.FindAllString(page.body, -1)); got < 3 {
		t.Errorf("got %d assets, want stylesheet, icon and script", got)
	}
	h.send(nil, http.MethodGet, "/static/../house_test.go", "").want(http.StatusNotFound)
	h.send(nil, http.MethodGet, "/static/style.css", "").want(http.StatusNotFound)
}

var assetPath = regexp.MustCompile(`/static/[0-9a-f]+/[a-z.]+`)

func TestEveryPageIsSentWithStrictHeaders(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	for _, a := range []answer{b.get("/approvals"), b.get("/nothing"), b.get("/account/tokens"), b.get("/approvals/req_none")} {
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("got Content-Security-Policy %q", csp)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("got headers %v", a.header)
		}
	}
}
