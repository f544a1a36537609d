package edge_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// An answer is what came back, read whole.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got status %d, want %d; %.600s", a.status, status, a.body)
	}
	return a
}

// wantCode checks a refusal of the API.
func (a answer) wantCode(status int, code string) {
	a.t.Helper()
	a.want(status)
	var said struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || said.Error.Code != code || said.Error.Message == "" {
		a.t.Fatalf("got %s (%v), want the code %q with a message", a.body, err, code)
	}
}

func (a answer) wantWords(words ...string) answer {
	a.t.Helper()
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			a.t.Errorf("the page does not say %q: %.3000s", w, a.body)
		}
	}
	return a
}

func (a answer) wantNoWords(words ...string) {
	a.t.Helper()
	for _, w := range words {
		if strings.Contains(a.body, w) {
			a.t.Errorf("the page says %q: %.3000s", w, a.body)
		}
	}
}

// wantRedirect checks where an answer leads.
func (a answer) wantRedirect(to string) {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	if got := a.header.Get("Location"); got != to {
		a.t.Fatalf("got redirect to %q, want %q", got, to)
	}
}

// read decodes a JSON answer.
func read[T any](a answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("decode %.600s: %v", a.body, err)
	}
	return v
}

// send sends a request with a client that follows no redirects.
func (h *house) send(jar http.CookieJar, method, path, body string, headers ...string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, strings.NewReader(body))
	h.must(err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{Jar: jar, Transport: h.server.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	h.must(err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	h.must(err)
	return answer{h.t, got.StatusCode, got.Header, string(text)}
}

// A browser keeps cookies and fills in forms.
type browser struct {
	h   *house
	jar *cookiejar.Jar
}

func (h *house) browser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	h.must(err)
	return &browser{h, jar}
}

// signIn is a browser in which somebody has just signed in.
func (h *house) signIn(id string) *browser {
	h.t.Helper()
	b := h.browser()
	b.signIn(id)
	return b
}

func (b *browser) signIn(id string) {
	b.h.t.Helper()
	b.post("/login?reauth=1", url.Values{"username": {id}, "password": {password(id)}}).want(http.StatusSeeOther)
}

func (b *browser) get(path string, headers ...string) answer {
	b.h.t.Helper()
	return b.h.send(b.jar, http.MethodGet, path, "", headers...)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// csrf is the token of the forms on a page.
func (b *browser) csrf(path string) string {
	b.h.t.Helper()
	found := csrfField.FindStringSubmatch(b.get(path).body)
	if found == nil {
		b.h.t.Fatalf("%s has no form", path)
	}
	return found[1]
}

// post opens a page and sends a form with its token, as a browser does.
func (b *browser) post(path string, fields url.Values, headers ...string) answer {
	b.h.t.Helper()
	fields = clone(fields)
	page := path
	if page == "/logout" {
		page = "/account"
	}
	fields.Set("csrf", b.csrf(page))
	return b.send(path, fields, headers...)
}

// send sends a form as it is.
func (b *browser) send(path string, fields url.Values, headers ...string) answer {
	b.h.t.Helper()
	return b.h.send(b.jar, http.MethodPost, path, fields.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// api calls the API with the browser's session.
func (b *browser) api(method, path, body string, headers ...string) answer {
	b.h.t.Helper()
	return b.h.send(b.jar, method, "/api/v1"+path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

// call calls the API as a page of ours does, with the session's csrf value.
func (b *browser) call(method, path, body string) answer {
	b.h.t.Helper()
	csrf := read[struct{ CSRF string }](b.api(http.MethodGet, "/session", "").want(http.StatusOK)).CSRF
	return b.api(method, path, body, "X-CSRF-Token", csrf)
}

func clone(v url.Values) url.Values {
	out := url.Values{}
	for name, values := range v {
		out[name] = values
	}
	return out
}

// A program calls the API with a token.
type program struct {
	h     *house
	token string
}

func (p program) do(method, path, body string, headers ...string) answer {
	p.h.t.Helper()
	headers = append([]string{"Authorization", "Bearer " + p.token, "Content-Type", "application/json"}, headers...)
	return p.h.send(nil, method, "/api/v1"+path, body, headers...)
}

func (p program) get(path string) answer {
	p.h.t.Helper()
	return p.do(http.MethodGet, path, "")
}

func (p program) post(path, body string) answer {
	p.h.t.Helper()
	return p.do(http.MethodPost, path, body)
}
