package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// A browser is a person at a browser without script: it keeps cookies and
// sends forms. Chromium is used where what is seen matters.
type browser struct {
	h *house
	c *http.Client
}

// signIn signs one of the people in with the login form.
func (h *house) signIn(name string) *browser {
	h.t.Helper()
	return h.signInWith(name, password)
}

// visitor is a person who has not signed in yet.
func (h *house) visitor() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h, &http.Client{Jar: jar}}
}

func (h *house) signInWith(name, password string) *browser {
	h.t.Helper()
	b := h.visitor()
	status, page := b.send("/login", url.Values{"username": {name}, "password": {password}, "csrf": {b.csrf("/login")}})
	if status != http.StatusOK {
		h.t.Fatalf("sign in as %s: %d %s", name, status, page)
	}
	return b
}

// answers follows an agent's link as a person, signs in where they have not
// yet, and sends the consent form. It returns what they see at the end, which
// is the agent's to say.
func (b *browser) answers(name, link string, form url.Values) string {
	b.h.t.Helper()
	resp, err := b.c.Get(link)
	if err != nil {
		b.h.t.Fatal(err)
	}
	at := resp.Request.URL.RequestURI()
	if status, page := read(resp); status != http.StatusOK {
		b.h.t.Fatalf("got %d at %s: %s", status, at, page)
	}
	if next := resp.Request.URL.Query().Get("next"); next != "" {
		b.send(at, url.Values{"username": {name}, "password": {password}, "csrf": {b.csrf(at)}})
		at = next
	}
	form.Set("csrf", b.csrf(at))
	_, page := b.send(at, form)
	return page
}

// widens gives an app with all its tools, and a tier, to the one agent that the
// person has connected.
func (b *browser) widens(app, tier string) {
	b.h.t.Helper()
	page := "/oauth/authorize?app=" + app
	_, text := b.get(page)
	form := url.Values{"csrf": {b.csrf(page)}, "decision": {"allow"}, "tools": {app + ":*"}, "tier": {tier}, "shown": {"read", "write", "delete"}}
	form["sessions"] = sessionID.FindStringSubmatch(text)
	if status, page := b.send(page, form); status != http.StatusOK || !strings.Contains(page, "Return to your agent") {
		b.h.t.Fatalf("widening: got %d %s", status, page)
	}
}

var sessionID = regexp.MustCompile(`ses_[A-Z0-9]+`)

func (b *browser) get(path string) (int, string) {
	b.h.t.Helper()
	resp, err := b.c.Get(b.h.url + path)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return read(resp)
}

func read(resp *http.Response) (int, string) {
	status, text, err := readAll(resp)
	if err != nil {
		return 0, err.Error()
	}
	return status, text
}

func readAll(resp *http.Response) (status int, text string, err error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf reads the form token of a page.
func (b *browser) csrf(path string) string {
	b.h.t.Helper()
	_, page := b.get(path)
	m := csrfField.FindStringSubmatch(page)
	if m == nil {
		b.h.t.Fatalf("%s has no form token:\n%s", path, page)
	}
	return m[1]
}

// send posts a form as the page itself would.
func (b *browser) send(path string, form url.Values) (int, string) {
	b.h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.h.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.c.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return read(resp)
}

// operatorToken makes a token for the JSON API in the browser session.
func (b *browser) operatorToken(rights ...string) string {
	b.h.t.Helper()
	var session struct{ CSRF string }
	_, page := b.get("/api/v1/session")
	if err := json.Unmarshal([]byte(page), &session); err != nil {
		b.h.t.Fatalf("session: %v in %s", err, page)
	}
	body, _ := json.Marshal(map[string]any{"rights": rights, "ttl": 3600, "name": fmt.Sprint("e2e", b.h.serial())})
	r, _ := http.NewRequest(http.MethodPost, b.h.url+"/api/v1/operator-tokens", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-CSRF-Token", session.CSRF)
	resp, err := b.c.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	status, text := read(resp)
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Token == "" {
		b.h.t.Fatalf("operator token: %d %s", status, text)
	}
	return made.Token
}

// api calls the JSON API with an operator token.
func (h *house) api(token, method, path string, in any, out any) int {
	h.t.Helper()
	body := ""
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			h.t.Fatal(err)
		}
		body = string(data)
	}
	r, err := http.NewRequest(method, h.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	status, text := read(resp)
	if out != nil && status < 300 {
		if err := json.Unmarshal([]byte(text), out); err != nil {
			h.t.Fatalf("%s %s answered %s: %v", method, path, text, err)
		}
	}
	return status
}
