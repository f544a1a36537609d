package edge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A browser shows what the last press of a double click heard.
func TestWhoPressesTwiceHearsTheSameTwice(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin()
	b.get(path).want(http.StatusOK)
	first := b.post(path, agreed()).sentBack(back)
	for range 3 {
		if got := b.post(path, agreed()).sentBack(back); got.Encode() != first.Encode() {
			t.Errorf("got %v, want the same answer as before, %v", got, first)
		}
	}
	b.post(path, agreed("tier", "read")).want(http.StatusNotFound) // another answer
	b.post(path, values("decision", "deny")).want(http.StatusNotFound)
	b.post(path[:len(path)-len("/mcp")], agreed()).want(http.StatusNotFound) // another route
	other := h.signIn("alice")
	other.post(path, agreed()).want(http.StatusNotFound)
	b.signIn("bob")
	b.post(path, agreed()).want(http.StatusNotFound)
	b.signIn("alice")
	got := read[tokens](h.redeem("mcp-agent", first.Get("code"), "redirect_uri", back).want(http.StatusOK))
	b.post(path, agreed()).want(http.StatusOK).wantWords("Connected", "Return to", "MCP agent") // and not the code once more
	if !h.works(got.Access) {
		t.Error("pressing again ended the session")
	}
	h.clock.Move(time.Minute + time.Second)
	b.post(path, agreed()).want(http.StatusNotFound)

	path = b.begin()
	b.get(path).want(http.StatusOK)
	for range 2 {
		if q := b.post(path, values("decision", "deny")).sentBack(back); q.Get("error") != "access_denied" {
			t.Errorf("got %v for a no", q)
		}
	}
}

// It never registers anew, and its maker has to know.
func TestADocumentThatIsNoneIsToldOfAsSuch(t *testing.T) {
	const broken = "https://broken.example/client"
	h := open(t)
	h.documents[broken] = documentOf("https://elsewhere.example/client")
	path := asks("client_id", broken)
	h.browser().get(path).want(http.StatusBadRequest).wantWords("What this agent says of itself", broken, "client_id is", "elsewhere.example", "whoever made the agent").
		wantNoWords("registers anew")
	a := h.send(nil, http.MethodGet, path, "", "Accept", "application/json").want(http.StatusBadRequest)
	if got := read[map[string]string](a); got["error"] != "invalid_client" {
		t.Errorf("got %s", a.body)
	}
	h.browser().get(asks("client_id", "nobody")).wantWords("registers anew")
}

// Chromium 2026 sends a form on to these, and blocks it with brackets in them.
func TestTheFormOfAnIPv6AddressEndsUpAtItsPortOnly(t *testing.T) {
	b := open(t).signIn("alice")
	for to, want := range map[string]string{
		"http://[::1]:4711/cb":     "form-action 'self' http://*:4711;",
		"http://[::1]/cb":          "form-action 'self' http://*:80;",
		"http://127.0.0.1:4711/cb": "form-action 'self' http://127.0.0.1:4711;",
	} {
		page := b.get(b.begin("redirect_uri", to)).want(http.StatusOK)
		if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, want) {
			t.Errorf("%s: got policy %q, want %q", to, csp, want)
		}
	}
}

func TestSomebodyWhoSaysNoSendsTheAgentBackWithNothing(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	q := b.post(b.begin(), values("decision", "deny")).sentBack(back)
	if q.Get("error") != "access_denied" || q.Get("state") != "s t&=%" || q.Get("iss") != h.server.URL || q.Has("code") {
		t.Errorf("got %v", q)
	}
	b.post(b.begin(), values("decision", "maybe")).want(http.StatusBadRequest)
}

func TestAskingTwiceLeavesOneRequest(t *testing.T) {
	h := open(t)
	b := h.browser()
	if first, again := b.begin(), b.begin(); first != again {
		t.Errorf("got %s, then %s", first, again)
	}
	for range 98 {
		b.get(asks("state", "x"))
	}
	b.get(asks()).want(http.StatusTooManyRequests)
}
