package e2e_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// connected is an agent that alice has connected, with its token.
func (h *house) connected(name string) token {
	h.t.Helper()
	n := h.newcomer().registers(name)
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	alice := &browser{h, &http.Client{Jar: jar}}
	resp, err := alice.c.Get(n.asks())
	if err != nil {
		h.t.Fatal(err)
	}
	at := resp.Request.URL
	_, _ = read(resp)
	alice.send(at.RequestURI(), url.Values{"username": {"alice"}, "password": {password}, "csrf": {alice.csrf(at.RequestURI())}})
	consent := at.Query().Get("next")
	form := url.Values{"csrf": {alice.csrf(consent)}, "decision": {"allow"}, "apps": {"crm"}, "tools": {"crm:*"}, "tier": {"read"}}
	if status, page := alice.send(consent, form); status != http.StatusOK || !strings.Contains(page, "back at the agent") {
		h.t.Fatalf("after the yes: %d %s", status, page)
	}
	return n.redeem(n.answered().Get("code")).bearer()
}

// Without script, and with a keyboard alone.
func TestAnOperatorCutsAgentsOffInTheBrowser(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	one, all := h.connected("Claude Code"), h.connected("Cursor")
	h.wantOK(h.call(one, "crm__search", findContacts))
	w := h.window()
	w.withoutScript()
	w.signIn("root", "/admin/sessions")
	w.wantText("Claude Code for alice")
	w.press(`#q`, "Claude"+kb.Enter)
	eventually(t, "the list without Cursor", func() (string, bool) {
		text, err := w.try(chromedp.Evaluate[string](`document.querySelector("main").innerText`))
		return text, err == nil && strings.Contains(text, "Claude Code for alice") && !strings.Contains(text, "Cursor")
	})
	w.press(`.lines a`, kb.Enter)
	w.await("all of crm")
	w.press(`button[value="end"]`, kb.Enter)
	w.await("Cut off Claude Code for alice?")
	w.wantAt(`a[autofocus]`)
	w.do("go back first", chromedp.KeyEvent(kb.Enter))
	w.await("all of crm")
	h.wantOK(h.call(one, "crm__search", findContacts))
	w.press(`button[value="end"]`, kb.Enter)
	w.await("Cut off Claude Code for alice?")
	w.press(`main button.danger`, kb.Enter)
	w.await("Cut off. The agent can’t call anything any more.")
	if a := h.call(one, "crm__search", findContacts); a.status != http.StatusUnauthorized {
		t.Errorf("a session that was ended: got %d %s", a.status, a.body)
	}
	h.wantOK(h.call(all, "crm__search", findContacts))
	w.do("open its person", chromedp.Click(`dd a[href="/admin/people/alice"]`))
	w.await("Agents that act in their name")
	w.do("end everything", chromedp.Click(`button[value="end"]`))
	w.await("End everything in the name of alice?")
	w.do("be sure", chromedp.Click(`main button.danger`))
	w.await("Everything in their name has ended.")
	if a := h.call(all, "crm__search", findContacts); a.status != http.StatusUnauthorized {
		t.Errorf("another session of hers: got %d %s", a.status, a.body)
	}
}

// wantAt wants the focus on an element: Chromium gives it a moment after the
// page is shown.
func (w *window) wantAt(selector string) {
	w.h.t.Helper()
	eventually(w.h.t, "the focus on "+selector, func() (string, bool) {
		got, err := w.try(chromedp.Evaluate[string](`document.activeElement.matches("` + selector + `") ? "yes" : document.activeElement.outerHTML`))
		return got, err == nil && got == "yes"
	})
}
