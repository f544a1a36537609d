package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A newcomer is an agent that has nothing but the gateway's URL. It listens on
// this computer for its answer.
type newcomer struct {
	h         *house
	client    string
	answers   chan url.Values
	back      string // redirect URI
	authorize string // endpoints, as they were found
	token     string
	revoke    string
	register  string
	scope     string // that the challenge names
}

const verifier = "a-verifier-of-forty-three-characters-or-more"

// newcomer finds its way by the challenge, as clients do.
func (h *house) newcomer() *newcomer {
	h.t.Helper()
	n := &newcomer{h: h, answers: make(chan url.Values, 1)}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			n.answers <- r.URL.Query()
		}
		fmt.Fprint(w, "<!doctype html><html lang=en><title>Back</title><main>You are back at the agent.</main>")
	}))
	h.t.Cleanup(listener.Close)
	n.back = listener.URL + "/callback"
	body, header := stateless("tools/list", "", "")
	a, err := h.post(token{}, "/mcp", body, header)
	if err != nil || a.status != http.StatusUnauthorized {
		h.t.Fatalf("without a token: got %d, %v", a.status, err)
	}
	said := regexp.MustCompile(`^Bearer resource_metadata="([^"]+)", scope="([^"]+)"$`).FindStringSubmatch(a.header.Get("WWW-Authenticate"))
	if said == nil {
		h.t.Fatalf("got the challenge %q", a.header.Get("WWW-Authenticate"))
	}
	n.scope = said[2]
	n.find(said[1])
	return n
}

func (n *newcomer) find(resource string) {
	n.h.t.Helper()
	var protected struct {
		Resource string
		Servers  []string `json:"authorization_servers"`
	}
	n.get(resource, &protected)
	if protected.Resource != n.h.url+"/mcp" || len(protected.Servers) != 1 {
		n.h.t.Fatalf("got %+v", protected)
	}
	var server struct {
		Issuer    string
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
		Revoke    string `json:"revocation_endpoint"`
		Register  string `json:"registration_endpoint"`
	}
	n.get(protected.Servers[0]+"/.well-known/oauth-authorization-server", &server)
	n.authorize, n.token, n.revoke, n.register = server.Authorize, server.Token, server.Revoke, server.Register
}

func (n *newcomer) get(address string, out any) {
	n.h.t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		n.h.t.Fatal(err)
	}
	if status, text := read(resp); status != http.StatusOK || json.Unmarshal([]byte(text), out) != nil {
		n.h.t.Fatalf("%s: %d %s", address, status, text)
	}
}

// registers makes the agent a client.
func (n *newcomer) registers(name string) *newcomer {
	n.h.t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": name, "redirect_uris": []string{n.back}, "token_endpoint_auth_method": "none"})
	if err != nil {
		n.h.t.Fatal(err)
	}
	resp, err := http.Post(n.register, "application/json", strings.NewReader(string(body)))
	if err != nil {
		n.h.t.Fatal(err)
	}
	status, text := read(resp)
	var made struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
		n.h.t.Fatalf("register: %d %s", status, text)
	}
	n.client = made.ID
	return n
}

// asks is where the agent sends its person.
func (n *newcomer) asks() string {
	sum := sha256.Sum256([]byte(verifier))
	return n.authorize + "?" + url.Values{
		"response_type": {"code"}, "client_id": {n.client}, "redirect_uri": {n.back}, "scope": {n.scope}, "state": {"xyz"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "resource": {n.h.url + "/mcp"},
	}.Encode()
}

// An issue is what the token endpoint gave.
type issue struct {
	status  int
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
}

func (i issue) bearer() token { return token{Token: i.Access} }

func (n *newcomer) post(endpoint string, fields ...string) issue {
	n.h.t.Helper()
	form := url.Values{"client_id": {n.client}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	resp, err := http.PostForm(endpoint, form)
	if err != nil {
		n.h.t.Fatal(err)
	}
	var out issue
	status, text := read(resp)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		n.h.t.Fatalf("%s answered %d %s", endpoint, status, text)
	}
	out.status = status
	return out
}

// answered is what came back to the agent.
func (n *newcomer) answered() url.Values {
	n.h.t.Helper()
	q := n.came()
	if q.Get("state") != "xyz" || q.Get("iss") != n.h.url {
		n.h.t.Errorf("got %v, want our state and who answers", q)
	}
	return q
}

func (n *newcomer) came() url.Values {
	n.h.t.Helper()
	select {
	case q := <-n.answers:
		return q
	default:
		n.h.t.Fatal("nothing came back to the agent")
		return nil
	}
}

func (n *newcomer) redeem(code string) issue {
	n.h.t.Helper()
	got := n.post(n.token, "grant_type", "authorization_code", "code", code, "redirect_uri", n.back, "code_verifier", verifier, "resource", n.h.url+"/mcp")
	if got.status != http.StatusOK {
		n.h.t.Fatalf("redeem the code: %+v", got)
	}
	return got
}

const findContacts = `{"siteId":"site-A","query":"a"}`

// The whole way, without anybody who copies a token.
func TestAnAgentConnectsByItself(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	n := h.newcomer().registers("Newcomer")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	alice := &browser{h, &http.Client{Jar: jar}}
	resp, err := alice.c.Get(n.asks())
	if err != nil {
		t.Fatal(err)
	}
	at := resp.Request.URL
	if status, page := read(resp); status != http.StatusOK || at.Path != "/login" || !strings.Contains(page, "Newcomer") {
		t.Fatalf("got %d at %s: %s", status, at, page)
	}
	consent := at.Query().Get("next")
	if status, page := alice.send(at.RequestURI(), url.Values{"username": {"alice"}, "password": {password}, "csrf": {alice.csrf(at.RequestURI())}}); status != http.StatusOK || !strings.Contains(page, "Newcomer") {
		t.Fatalf("after signing in: %d %s", status, page)
	}
	form := url.Values{"csrf": {alice.csrf(consent)}, "decision": {"allow"}, "apps": {"crm"}, "tools": {"crm:*"}, "tier": {"read"}}
	if status, page := alice.send(consent, form); status != http.StatusOK || !strings.Contains(page, "back at the agent") {
		t.Fatalf("after the yes: %d %s", status, page)
	}
	got := n.redeem(n.answered().Get("code"))
	h.wantOK(h.call(got.bearer(), "crm__search", findContacts))
	h.wantReason(h.call(got.bearer(), "notes__list_notes", `{}`), "authorization_required")
	page := "/oauth/authorize?app=notes" // opened by its person, with the same token
	_, text := alice.get(page)
	session := regexp.MustCompile(`name="sessions" value="(ses_[^"]+)"`).FindStringSubmatch(text)
	if session == nil {
		t.Fatalf("the agent is not on offer:\n%s", text)
	}
	alice.send(page, url.Values{"csrf": {alice.csrf(page)}, "decision": {"allow"}, "sessions": {session[1]}, "tools": {"notes:list_notes"}})
	h.wantOK(h.call(got.bearer(), "notes__list_notes", `{}`))
	if a := h.call(got.bearer(), "crm__update_contact", `{"siteId":"site-A","id":"c-17","email":"a@example.com"}`); a.status != http.StatusForbidden {
		t.Errorf("writing at tier read: got %d %s", a.status, a.body)
	}
	h.stop()
	h.start() // what was given outlives the gateway; its address is another one now
	n.find(h.url + "/.well-known/oauth-protected-resource/mcp")
	again := n.post(n.token, "grant_type", "refresh_token", "refresh_token", got.Refresh)
	if again.status != http.StatusOK || again.Refresh == got.Refresh {
		t.Fatalf("refresh: %+v", again)
	}
	h.wantOK(h.call(again.bearer(), "crm__search", findContacts))
	if gone := n.post(n.revoke, "token", again.Refresh); gone.status != http.StatusOK {
		t.Fatalf("revoke: %+v", gone)
	}
	if a := h.call(again.bearer(), "crm__search", findContacts); a.status != http.StatusUnauthorized {
		t.Errorf("after it was given back: got %d %s", a.status, a.body)
	}
	if out := h.command("sessions", "list", "-c", h.file); !strings.Contains(out, "Newcomer") || !strings.Contains(out, "its client gave it back") {
		t.Errorf("got %s", out)
	}
}

// In a real browser: the page's policy must let the answer through to another
// port of this computer.
func TestAgentsAreConnectedInTheBrowser(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	n := h.newcomer().registers("Newcomer")
	w := h.window()
	w.do("follow the agent's link", chromedp.Navigate(n.asks()))
	w.await("To connect")
	w.wantText("Newcomer")
	w.fillIn("alice", password)
	w.await("It asks to use tools as alice")
	w.wantText("unverified")
	w.wantText("Any program on this computer")
	w.wantFocus("deny")
	w.do("allow reading contacts", chromedp.Click(`input[name="apps"][value="crm"]`), chromedp.Click(`input[name="tools"][value="crm:search"]`), chromedp.Click(allowButton))
	w.await("back at the agent")
	got := n.redeem(n.answered().Get("code"))
	h.wantOK(h.call(got.bearer(), "crm__search", findContacts))

	w.do("ask again", chromedp.Navigate(n.asks()))
	w.await("agreed before")
	w.do("say no", chromedp.Click(noButton))
	w.await("back at the agent")
	if q := n.answered(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("got %v", q)
	}

	w.do("ask a third time", chromedp.Navigate(n.asks()))
	w.await("It asks to use tools")
	page := look(w, chromedp.Location())
	w.do("sign out", chromedp.Click(`.leave button`))
	w.await("You are signed out")
	w.do("open the page as bob", chromedp.Navigate(page))
	w.fillIn("bob", password)
	w.await("Not allowed")
	other := h.window()
	other.do("open the page in another browser", chromedp.Navigate(page))
	other.fillIn("alice", password)
	other.await("Not allowed")

	other.do("look at the agents", chromedp.Navigate(h.url+"/account/agents"))
	other.await("Newcomer")
	other.do("cut it off", chromedp.Click(`.danger[value="revoke"]`))
	other.await("Cut off. It can't call anything any more")
	if a := h.call(got.bearer(), "crm__search", findContacts); a.status != http.StatusUnauthorized {
		t.Errorf("an agent that was cut off: got %d %s", a.status, a.body)
	}
}

// The same, by somebody who has no script and uses no mouse; and once more, when
// the page tells what is new since.
func TestAnAgentIsConnectedWithAKeyboardAlone(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	n := h.newcomer().registers("Newcomer")
	w := h.window()
	w.withoutScript()
	w.do("follow the agent's link", chromedp.Navigate(n.asks()))
	w.await("To connect Newcomer, at Ostiary")
	w.do("sign in", chromedp.KeyEvent("alice"+kb.Tab+password+kb.Enter))
	w.await("It asks to use tools as alice")
	w.wantFocus("deny")
	if got := look(w, chromedp.Title()); got != "Connect Newcomer · Ostiary" {
		t.Errorf("got the title %q", got)
	}
	w.press(`input[name="apps"][value="crm"]`, " ")
	w.press(`input[name="tools"][value="crm:search"]`, " ")
	w.press(allowButton, kb.Enter)
	w.await("back at the agent")
	h.wantOK(h.call(n.redeem(n.answered().Get("code")).bearer(), "crm__search", findContacts))

	w.do("ask again", chromedp.Navigate(n.asks()))
	w.await("You have connected this agent before")
	text := strings.Join(strings.Fields(w.text()), " ")
	for _, want := range []string{"search agreed before", "get_contact not agreed before"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	w.wantFocus("deny")
	w.press(noButton, kb.Enter)
	w.await("back at the agent")
	if q := n.answered(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("got %v", q)
	}
}

const allowButton = `button[name="decision"][value="allow"]`
