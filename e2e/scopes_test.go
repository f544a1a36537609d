package e2e_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// connect has a person agree to what the agent asks for, at a tier, with both
// apps whole.
func (n *newcomer) connect(b *browser, scope, tier string) issue {
	n.h.t.Helper()
	n.scope = scope
	resp, err := b.c.Get(n.asks())
	if err != nil {
		n.h.t.Fatal(err)
	}
	at := resp.Request.URL
	_, page := read(resp)
	csrf := csrfField.FindStringSubmatch(page)
	if csrf == nil {
		n.h.t.Fatalf("%s has no form:\n%s", at, page)
	}
	form := url.Values{"csrf": {csrf[1]}, "decision": {"allow"}, "apps": {"crm", "notes"}, "tools": {"crm:*", "notes:*"}, "tier": {tier}}
	if status, page := b.send(at.RequestURI(), form); status != http.StatusOK || !strings.Contains(page, "back at the agent") {
		n.h.t.Fatalf("after the yes: %d %s", status, page)
	}
	return n.redeem(n.answered().Get("code"))
}

func (h *house) signedIn(who string) *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &browser{h, &http.Client{Jar: jar}}
	if status, page := b.send("/login", url.Values{"username": {who}, "password": {password}, "csrf": {b.csrf("/login")}}); status != http.StatusOK {
		h.t.Fatalf("sign in as %s: %d %s", who, status, page)
	}
	return b
}

// What an agent asks for, its person chooses and rules demand come together at
// the tools.
func TestScopesHoldWhatWasAskedChosenAndGivenLater(t *testing.T) {
	const (
		contact = `{"siteId":"site-A","id":"c-17"}`
		update  = `{"siteId":"site-A","id":"c-17","email":"a@example.com"}`
		note    = `{"title":"A","text":"B"}`
	)
	rules := "  - {match: \"crm:search\", scopes: [\"crm:export\"]}\n  - {match: \"crm:get_contact\", scopes: [\"crm:write\"]}\n"
	h := newHouse(t, "", samples(t)+rules).start()
	alice := h.signedIn("alice")
	n := h.newcomer().registers("Newcomer")
	missing := func(a answer) {
		t.Helper()
		if a.status != http.StatusForbidden || a.reason() != "insufficient_scope" {
			t.Errorf("got %d %s, want that a scope is missing", a.status, a.body)
		}
	}

	one := n.connect(alice, "crm:read notes:write", "write") // each app as it was asked for
	h.wantOK(h.call(one.bearer(), "notes__add_note", note))
	missing(h.call(one.bearer(), "crm__update_contact", update))

	star := n.connect(alice, "mcp:read crm:*", "read") // the choice is a ceiling
	if star.Scope != "mcp:read crm:read notes:read" {
		t.Errorf("got %q", star.Scope)
	}
	missing(h.call(star.bearer(), "crm__get_contact", contact))
	missing(h.call(star.bearer(), "crm__search", findContacts))
	whole := n.connect(alice, "mcp:read crm:*", "admin")
	h.wantOK(h.call(whole.bearer(), "crm__get_contact", contact))
	h.wantOK(h.call(whole.bearer(), "crm__search", findContacts))
	h.wantOK(h.call(whole.bearer(), "crm__update_contact", update))
	missing(h.call(whole.bearer(), "notes__add_note", note))

	some := n.connect(alice, "mcp:read", "read") // and the link of a refusal helps
	a := h.call(some.bearer(), "crm__search", findContacts)
	missing(a)
	link := regexp.MustCompile(`"auth_url":"([^"]+)"`).FindSubmatch(a.body)
	if link == nil {
		t.Fatalf("got no link in %s", a.body)
	}
	page := strings.TrimPrefix(strings.ReplaceAll(string(link[1]), `\u0026`, "&"), h.url)
	_, text := alice.get(page)
	sessions := regexp.MustCompile(`name="sessions" value="(ses_[^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(sessions) != 4 || !strings.Contains(text, `name="scopes" value="crm:export"`) {
		t.Fatalf("the scope or the agents are not on offer:\n%s", text)
	}
	form := url.Values{"csrf": {alice.csrf(page)}, "decision": {"allow"}, "scopes": {"crm:export"}, "tools": {"crm:*"}, "shown": {"read"}}
	for _, ses := range sessions {
		form.Add("sessions", ses[1])
	}
	alice.send(page, form)
	h.wantOK(h.call(some.bearer(), "crm__search", findContacts))
	missing(h.call(some.bearer(), "crm__get_contact", contact))

	if q := n.refused(alice, "crm:bogus"); q.Get("error") != "invalid_scope" {
		t.Errorf("a scope that nobody knows: got %v", q)
	}
}

// refused asks for scopes, for an answer without a page.
func (n *newcomer) refused(b *browser, scope string) url.Values {
	n.h.t.Helper()
	n.scope = scope
	resp, err := b.c.Get(n.asks())
	if err != nil {
		n.h.t.Fatal(err)
	}
	read(resp)
	return n.answered()
}
