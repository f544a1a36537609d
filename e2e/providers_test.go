package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// throughProviders is a gateway with a group auth of its own, whose providers
// are one issuer in a process of its own under several names. It stands where it
// says, since providers send people back there.
func throughProviders(t *testing.T, mode, more string, providers ...string) (*house, *testparts.Issuer) {
	t.Helper()
	idp := testparts.StartIssuer(t)
	h := newHouse(t, "", more)
	h.replace(`listen: "127.0.0.1:0", public_url: "http://127.0.0.1:0"`, fmt.Sprintf(`listen: %[1]q, public_url: "http://%[1]s"`, freeAddress(t)))
	var list strings.Builder
	for _, p := range providers {
		fmt.Fprintf(&list, "    - {%s, issuer: %q, client_id: %s, client_secret: %q, allow: {tenants: [acme]}, allow_private_networks: true}\n",
			p, idp.URL, testparts.IssuerClient, testparts.IssuerSecret)
	}
	h.replace("\nauth:\n", "\nauth:\n  mode: "+mode+"\n  providers:\n"+list.String())
	return h.start(), idp
}

// whoIs has the issuer tell who is there.
func whoIs(idp *testparts.Issuer, sub string) {
	idp.Behave(testparts.JSON{"claims": testparts.JSON{"sub": sub, "tenant": "acme", "sites": []string{"site-A"}}, "userinfo": testparts.JSON{"sub": sub}})
}

// A person comes through one provider, links an account at another which is
// required, and connects an agent: in Chromium, on pages for everybody.
func TestAPersonWithTwoAccountsConnectsAnAgentInChromium(t *testing.T) {
	h, idp := throughProviders(t, "remote", samples(t), "id: corp, name: Corporate login", "id: hub, name: Hub, required: true")
	n, w := h.newcomer().registers("Newcomer"), h.window()
	whoIs(idp, "pat")
	w.do("follow the agent's link", chromedp.Navigate(n.asks()), chromedp.WaitReady("main"))
	w.wantText("To connect Newcomer")
	w.forEverybody("sign-in with providers")
	w.do("choose a provider", chromedp.Click(`a[href*="provider=corp"]`))
	w.await("Linked accounts")
	w.wantText("You sign in here through it.")
	w.forEverybody("linked accounts, one missing")

	whoIs(idp, "pat-at-hub")
	w.do("link the other account", chromedp.Click(`a[href*="provider=hub"]`))
	w.await("It asks to use tools")
	w.do("look at the accounts", chromedp.Click(`a[href^="/account/providers"]`))
	w.await("Go on to connect Newcomer")
	w.forEverybody("linked accounts")
	w.do("go on", chromedp.Click(`a[href^="/oauth/consent/"]`))
	w.await("It asks to use tools")
	w.do("allow reading contacts", chromedp.Click(`input[name="apps"][value="crm"]`), chromedp.Click(`input[name="tools"][value="crm:search"]`), chromedp.Click(allowButton))
	w.await("back at the agent")
	got := n.redeem(n.came().Get("code"))
	h.wantOK(h.call(got.bearer(), "crm__search", findContacts))
	if a := h.call(got.bearer(), "crm__delete_contact", `{"id":"c-1"}`); a.reason() == "" {
		t.Errorf("more than was agreed to: got %d %s", a.status, a.body)
	}

	var people struct{ Items []struct{ ID string } }
	h.api(h.signIn("root").operatorToken("read", "admin"), http.MethodGet, "/users", nil, &people)
	for _, p := range people.Items {
		if strings.HasPrefix(p.ID, "hub|") {
			t.Errorf("the linked account became %s", p.ID)
		}
	}
	other := h.window()
	other.do("come in by the linked account", chromedp.Navigate(h.url+"/login?provider=hub"), chromedp.WaitReady("main"))
	other.wantText("Sign in as them")
	other.forEverybody("sign-in refused by a provider")
}

// In mode local providers sign nobody in, and what is required comes first.
func TestAPersonOfOursLinksAnAccountFirst(t *testing.T) {
	h, idp := throughProviders(t, "local", samples(t), "id: hub, name: Hub, required: true")
	n, w := h.newcomer().registers("Newcomer"), h.window()
	w.do("follow the agent's link", chromedp.Navigate(n.asks()), chromedp.WaitReady("main"))
	if strings.Contains(w.text(), "Hub") {
		t.Errorf("the provider signs people in:\n%s", w.text())
	}
	w.fillIn("alice", password)
	w.await("Linked accounts")
	whoIs(idp, "alice-at-hub")
	w.do("link the account", chromedp.Click(`a[href*="provider=hub"]`))
	w.await("It asks to use tools")
	if got := w.path(); !strings.HasPrefix(got, "/oauth/consent/") {
		t.Errorf("came back at %s", got)
	}
}

// A yes that is remembered is one press, for who comes by themself; a link on
// somebody else's page gets the list. Chromium says which it is.
func TestARememberedYesIsOnePressInChromium(t *testing.T) {
	h := newHouse(t, "", samples(t))
	h.replace("\nauth:\n", "\nauth:\n  consent: {remember: true}\n")
	h.start()
	n := h.newcomer()
	page := strings.TrimSuffix(n.back, "/callback") + "/page"
	n.back = "https://agent.example/callback" // which nothing resolves
	n.registers("Web agent")
	w := h.window()
	w.signIn("alice", "/account")
	w.do("follow the agent's link", chromedp.Navigate(n.asks()), chromedp.WaitReady("main"))
	w.wantText("Remember this for next time")
	w.forEverybody("consent that can be remembered")
	w.do("allow and remember", chromedp.Click(`input[name="apps"][value="crm"]`), chromedp.Click(`input[name="tools"][value="crm:search"]`),
		chromedp.Click(`#remember`), chromedp.Click(allowButton))
	h.remembers("alice", 1)

	w.do("follow it again", chromedp.Navigate(n.asks()), chromedp.WaitReady("main"))
	w.await("You gave it this before")
	w.forEverybody("consent given again")
	w.do("be at somebody's page", chromedp.Navigate(page), chromedp.WaitReady("main"))
	w.do("follow a link there", chromedp.Evaluate[chromedp.Void](`location.href = `+quoted(n.asks())+`; undefined`))
	w.await("How far?")
	if text := w.text(); strings.Contains(text, "You gave it this before") || strings.Contains(text, "Remember this") {
		t.Errorf("a link elsewhere leads to:\n%s", text)
	}
	w.do("look at what is remembered", chromedp.Navigate(h.url+"/account/agents"), chromedp.WaitReady("main"))
	w.wantText("https://agent.example")
	w.forEverybody("agents with what is remembered")
	w.do("forget it", chromedp.Click(`button[value="forget"]`))
	w.await("Forgotten")
	h.remembers("alice", 0)
}

func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// remembers waits until a person sees so many consents that are remembered.
func (h *house) remembers(name string, want int) {
	h.t.Helper()
	b := h.signIn(name)
	eventually(h.t, fmt.Sprintf("%d consents to be remembered", want), func() (string, bool) {
		_, page := b.get("/account/agents")
		return page, strings.Count(page, `value="forget"`) == want
	})
}

// The official TypeScript client, whose person signs in at a provider: it
// works, refreshes, and is cut off with its person.
func TestTheTypeScriptClientSignsInThroughAProvider(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			h, idp := throughProviders(t, "remote", samples(t), "id: corp, name: Corporate login")
			whoIs(idp, "pat")
			n := h.newcomer()
			c := startScript(t, filepath.Join(testparts.NodeModules(t), "signin.mjs"), h.url+"/mcp", n.back, version)
			h.visitor().comesThrough("corp", c.hear().Open, ofCRM("read"))
			c.say(n.came().Encode())
			first := c.hear()
			if len(first.Tools) == 0 || !strings.HasPrefix(first.Tokens.Refresh, "ost_rt_") {
				t.Fatalf("got %+v", first)
			}
			search := map[string]any{"name": "crm__search", "arguments": json.RawMessage(findContacts), "forget": true}
			c.say(search)
			got := c.hear()
			if strings.Contains(string(got.Result), `"isError":true`) || got.Tokens.Refresh == first.Tokens.Refresh {
				t.Errorf("after a refresh: got %s with %+v", got.Result, got.Tokens)
			}
			access := token{Token: got.Tokens.Access}
			h.wantOK(h.call(access, "crm__search", findContacts))
			operator := h.signIn("root").operatorToken("read", "admin")
			if got := h.api(operator, http.MethodPatch, "/users/corp%7Cpat", map[string]any{"disabled": true}, nil); got != http.StatusOK {
				t.Fatalf("disable: got %d", got)
			}
			if a := h.call(access, "crm__search", findContacts); a.status != http.StatusUnauthorized {
				t.Errorf("got %d for somebody disabled", a.status)
			}
		})
	}
}

// comesThrough follows an agent's link as a person who signs in at a provider,
// and sends the consent form.
func (b *browser) comesThrough(provider, link string, form url.Values) {
	b.h.t.Helper()
	resp, err := b.c.Get(link)
	if err != nil {
		b.h.t.Fatal(err)
	}
	next := resp.Request.URL.Query().Get("next")
	if status, page := read(resp); status != http.StatusOK || next == "" {
		b.h.t.Fatalf("got %d at %s: %s", status, resp.Request.URL, page)
	}
	if status, page := b.get("/login?" + url.Values{"provider": {provider}, "next": {next}}.Encode()); status != http.StatusOK || !strings.Contains(page, "It asks to use tools") {
		b.h.t.Fatalf("after the provider: got %d %s", status, page)
	}
	form.Set("csrf", b.csrf(next))
	if status, page := b.send(next, form); status != http.StatusOK || !strings.Contains(page, "back at the agent") {
		b.h.t.Fatalf("after the consent: got %d %s", status, page)
	}
}
