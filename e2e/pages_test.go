package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// deletes asks to delete a contact of the CRM: high risk, for bob to decide.
func (h *house) deletes(t token, id string) (approval string) {
	h.t.Helper()
	a := h.call(t, "crm__delete_contact", fmt.Sprintf(`{"siteId":"site-A","id":%q,"reason":"duplicate of c-11"}`, id))
	h.wantAsked(a)
	var page struct{ Items []struct{ ID string } }
	h.api(h.signIn("bob").operatorToken("read", "approve"), http.MethodGet, "/approvals?status=pending", nil, &page)
	if len(page.Items) == 0 {
		h.t.Fatal("nothing waits")
	}
	return page.Items[0].ID // the newest
}

func TestSigningInTellsNobodyWhoExists(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	w := h.window()
	said := map[string]string{}
	for _, name := range []string{"bob", "nobody"} {
		w.do("open the sign-in page", chromedp.Navigate(h.url+"/login"))
		w.fillIn(name, "not the password")
		w.await("don't go together")
		said[name] = w.text()
	}
	if said["bob"] != said["nobody"] {
		t.Errorf("a wrong password is told with\n%s\nan unknown name with\n%s", said["bob"], said["nobody"])
	}
	w.fillIn("bob", password)
	w.await("Nothing waits for you")
}

func TestTheInboxUpdatesItself(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	w := h.window()
	w.signIn("bob", "/approvals")
	w.await("Nothing waits for you")
	id := h.deletes(h.token("alice", "write"), "c-17")
	w.await("Delete contact c-17 in site-A?")
	decision := map[string]string{"decision": "deny", "reason": "it is no duplicate"}
	if status := h.api(h.signIn("bob").operatorToken("approve"), http.MethodPost, "/approvals/"+id+"/decision", decision, nil); status != http.StatusOK {
		t.Fatalf("deny: status %d", status)
	}
	w.await("Nothing waits for you")
	w.wantText("denied")
}

func TestAHighRiskYesIsConfirmed(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	alice := h.token("alice", "write")
	id := h.deletes(alice, "c-17")
	w := h.window()
	w.signIn("bob", "/approvals/"+id)
	for _, want := range []string{"Delete contact c-17 in site-A?", "high risk", "duplicate of c-11", "for alice", "You will save"} {
		w.wantText(want)
	}
	w.wantFocus("deny")
	w.do("approve", chromedp.Click(yesButton))
	w.await("Are you sure?")
	w.wantFocus("deny")
	h.wantAsked(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"}`))
	w.do("confirm", chromedp.Click(yesButton))
	w.await("bob approved this")
	h.wantOK(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"}`))
}

// wantFocus wants the button of a decision to get the focus: Chromium gives
// it a moment after the page is shown.
func (w *window) wantFocus(decision string) {
	w.h.t.Helper()
	eventually(w.h.t, "the focus on "+decision, func() (string, bool) {
		got, err := w.try(chromedp.Evaluate[string](`document.activeElement.value ?? document.activeElement.tagName`))
		return got, err == nil && got == decision
	})
}

func TestDenyAndBlockInTheBrowser(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	alice := h.token("alice", "write")
	w := h.window()
	w.signIn("bob", "/approvals/"+h.deletes(alice, "c-17"))
	w.do("deny", chromedp.SendKeys(`#reason`, "keep her"), chromedp.Click(noButton))
	w.await("bob denied this")
	w.wantText("keep her")
	w.do("block the next one", chromedp.Navigate(h.url+"/approvals/"+h.deletes(alice, "c-11")), chromedp.Click(blockButton))
	w.await("Denied")
	h.wantReason(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-3"}`), "approval_denied")
	// A lifted block asks again, no more.
	own := h.window()
	own.signIn("alice", "/approvals")
	own.do("lift the block", chromedp.Click(`button[aria-label^="Lift"]`))
	own.await("Lifted")
	h.wantAsked(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-3"}`))
}

// A request that somebody else decided, or that is somebody else's, takes no
// answer.
func TestAPageOffersOnlyWhatItsReaderMayDo(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	id := h.deletes(h.token("alice", "write"), "c-17")
	w := h.window()
	w.signIn("alice", "/approvals/"+id)
	w.wantText("Waiting for an answer")
	if n := look(w, chromedp.Evaluate[int](`document.querySelectorAll("[name=decision]").length`)); n != 0 {
		t.Errorf("alice is offered %d answers to her own agent's request; want none", n)
	}
	h.decide(h.signIn("bob").operatorToken("approve"), map[string]string{"decision": "approve"})
	w.await("bob approved this") // the page updates itself
}

func TestTokensAreMadeAndRevokedInTheBrowser(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	w := h.window()
	w.signIn("alice", "/account")
	w.wantText("You are alice")
	w.do("make a personal token", chromedp.Navigate(h.url+"/account/tokens"),
		chromedp.SendKeys(`#name`, "laptop"), chromedp.Click(`#tier-write`), chromedp.Click(`#apps-all`), chromedp.Click(`#tools-all`), chromedp.Click(`#sites-all`),
		chromedp.Submit(`#name`))
	w.await("It is shown this once")
	made := token{Token: look(w, chromedp.Text(`code.token`))}
	h.wantOK(h.call(made, "notes__list_notes", `{}`))
	h.wantOK(h.call(made, "notes__add_note", `{"title":"x","text":"y"}`))
	w.do("narrow it", chromedp.Click(`a[href^="/account/tokens?narrow="]`), chromedp.WaitVisible(`#tier-read`), chromedp.Click(`#tier-read`), chromedp.Submit(`#name`))
	w.await("Its next call reaches no further")
	h.wantOK(h.call(made, "notes__list_notes", `{}`))
	if a := h.call(made, "notes__add_note", `{"title":"x","text":"y"}`); a.status != http.StatusForbidden {
		t.Errorf("writing with a token that was narrowed to read: status %d %s; want 403", a.status, a.body)
	}
	eventually(t, "the account to tell of the calls", func() (string, bool) {
		w.do("look at the account", chromedp.Navigate(h.url+"/account"))
		text := w.text()
		return text, strings.Contains(text, "A personal token used notes:list_notes.")
	})
	w.wantText("A personal token was refused notes:add_note: its tier is too low.")
	w.do("revoke it", chromedp.Navigate(h.url+"/account/tokens"), chromedp.Click(`button[value="revoke"]`))
	w.await("It works nowhere any more")
	if a := h.call(made, "notes__list_notes", `{}`); a.status != http.StatusUnauthorized {
		t.Errorf("a revoked token: status %d; want 401", a.status)
	}

	w.do("make an operator token", chromedp.Navigate(h.url+"/account/operator"),
		chromedp.SendKeys(`#name`, "terminal"), chromedp.Click(`#right-approve`), chromedp.Submit(`#name`))
	w.await("It is shown this once")
	operator := strings.TrimSpace(look(w, chromedp.Text(`code.token`)))
	if r := h.try("", []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + operator}, "approvals", "list"); r.code != 0 {
		t.Errorf("approvals list with it: %d %s", r.code, r.err)
	}
	if a := h.call(token{Token: operator}, "notes__list_notes", `{}`); a.status != http.StatusUnauthorized {
		t.Errorf("an operator token at an MCP endpoint: status %d; want 401", a.status)
	}
}

// Everything can be reached and done with a keyboard alone.
func TestAKeyboardIsEnough(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	alice := h.token("alice", "write")
	id := h.deletes(alice, "c-17")
	w := h.window()
	w.do("sign in", chromedp.Navigate(h.url+"/approvals"), chromedp.WaitVisible(`#username`), chromedp.KeyEvent("bob"+kb.Tab+password+kb.Enter))
	w.await("Needs you")
	w.press(`#open-`+id, kb.Enter)
	w.await("With these arguments")
	w.press(yesButton, kb.Enter)
	w.await("Are you sure?")
	w.press(yesButton, kb.Enter)
	w.await("bob approved this")
	h.wantOK(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"}`))
}

// press goes to an element with the tabulator, and presses a key there.
func (w *window) press(selector, key string) {
	w.h.t.Helper()
	for range 80 {
		if look(w, chromedp.Evaluate[bool](fmt.Sprintf(`document.activeElement.matches(%q)`, selector))) {
			w.do("press a key on "+selector, chromedp.KeyEvent(key))
			return
		}
		w.do("go on", chromedp.KeyEvent(kb.Tab))
	}
	w.h.t.Fatalf("%s is not reached with the tabulator", selector)
}

func TestPagesWorkWithoutScript(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	alice := h.token("alice", "write")
	id := h.deletes(alice, "c-17")
	w := h.window()
	w.withoutScript()
	w.signIn("bob", "/approvals")
	w.wantText("Delete contact c-17 in site-A?")
	w.do("open the request", chromedp.Click(`#open-`+id))
	w.await("With these arguments")
	w.do("approve", chromedp.Click(yesButton))
	w.await("Are you sure?")
	w.do("confirm", chromedp.Click(yesButton))
	w.await("bob approved this")
	w.do("sign out", chromedp.Click(`.leave button`))
	w.await("You are signed out")
	h.wantOK(h.call(alice, "crm__delete_contact", `{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"}`))
}
