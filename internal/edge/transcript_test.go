package edge_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
)

var update = flag.Bool("update", false, "write the transcripts in testdata")

// A transcript is what went over the wire, as who reads it can take it in: of
// pages the heading and the fields of their forms, and each value that differs
// from run to run under a name of its own.
type transcript struct {
	next  http.RoundTripper
	text  strings.Builder
	names map[string]string // of values, by the value
	count map[string]int    // of names
}

// transcribed has all that the test sends written down, and compares it in the
// end with testdata/NAME.txt.
func (h *house) transcribed(name string) *transcript {
	h.t.Helper()
	client := h.server.Client()
	s := &transcript{next: client.Transport, names: map[string]string{}, count: map[string]int{}}
	client.Transport = s
	h.t.Cleanup(func() { s.compare(h.t, "testdata/"+name+".txt", h.server.URL) })
	return s
}

func (s *transcript) compare(t *testing.T, file, public string) {
	t.Helper()
	got := s.masked(strings.NewReplacer(public, "https://gate.example", url.QueryEscape(public), url.QueryEscape("https://gate.example")).Replace(s.text.String()))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("%s:%d differs; go test ./internal/edge -update writes it anew. Got\n%s\nwant\n%s", file, i+1, lineOf(a, i), lineOf(b, i))
		}
	}
}

func lineOf(lines []string, i int) string {
	if i >= len(lines) {
		return "the end"
	}
	return lines[i]
}

// say writes a heading.
func (s *transcript) say(what string) { fmt.Fprintf(&s.text, "# %s\n\n", what) }

// RoundTrip implements http.RoundTripper.
func (s *transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	said, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(said))
	fmt.Fprintf(&s.text, "> %s %s\n", r.Method, r.URL.RequestURI())
	s.headers(">", r.Header, "Accept", "Authorization", "Content-Type", "Origin")
	s.body(">", r.Header.Get("Content-Type"), sent)
	fmt.Fprintf(&s.text, "< %d\n", resp.StatusCode)
	s.headers("<", resp.Header, "Location", "Content-Type", "Cache-Control", "Pragma", "WWW-Authenticate", "Access-Control-Allow-Origin", "Referrer-Policy", "Content-Security-Policy")
	s.body("<", resp.Header.Get("Content-Type"), said)
	s.text.WriteString("\n")
	return resp, nil
}

func (s *transcript) headers(mark string, h http.Header, names ...string) {
	for _, name := range names {
		for _, value := range h.Values(name) {
			fmt.Fprintf(&s.text, "%s %s: %s\n", mark, name, value)
		}
	}
}

func (s *transcript) body(mark, kind string, raw []byte) {
	text := string(raw)
	switch {
	case strings.HasPrefix(kind, "application/json"):
		var b bytes.Buffer
		if json.Indent(&b, raw, "", "  ") == nil {
			text = b.String()
		}
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		text = strings.ReplaceAll(text, "&", "\n& ")
	case strings.HasPrefix(kind, "text/html"):
		text = pageOf(text)
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(&s.text, "%s   %s\n", mark, strings.TrimRight(line, "\n"))
	}
}

var (
	heading = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)
	field   = regexp.MustCompile(`<(?:input|button|select|form)\b[^>]*>`)
	named   = regexp.MustCompile(`\b(name|value|action|type)="([^"]*)"`)
)

// pageOf is what a person can do on a page.
func pageOf(html string) string {
	var out strings.Builder
	for _, h := range heading.FindAllStringSubmatch(html, -1) {
		fmt.Fprintf(&out, "%s\n", strings.Join(strings.Fields(h[1]), " "))
	}
	for _, tag := range field.FindAllString(html, -1) {
		var told []string
		for _, a := range named.FindAllStringSubmatch(tag, -1) {
			told = append(told, a[1]+"="+a[2])
		}
		if strings.Contains(tag, " checked") {
			told = append(told, "checked")
		}
		fmt.Fprintf(&out, "%s %s\n", strings.Trim(strings.Fields(tag)[0], "<>"), strings.Join(told, " "))
	}
	return out.String()
}

// volatile are values that differ from run to run; the first group that is
// there names what it is.
var volatile = regexp.MustCompile(`ost_([a-z]{2})_[0-9A-Za-z]{49}|(cli|ses)_[A-Z2-7]{26}|(ask)_[0-9a-f]{32}|csrf(?: value=|=)([0-9A-Za-z_-]{20,})|(Basic) [0-9A-Za-z+/=]+`)

func (s *transcript) masked(text string) string {
	return volatile.ReplaceAllStringFunc(text, func(found string) string {
		kind := cmp.Or(volatile.FindStringSubmatch(found)[1:]...)
		switch {
		case kind == "Basic":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(found, "Basic "))
			return "Basic (" + string(raw) + ")"
		case strings.HasPrefix(found, "csrf"):
			at := strings.LastIndex(found, "=") + 1
			return found[:at] + "(csrf)"
		}
		return s.name(found, kind)
	})
}

// name is what a value is called, the same wherever it stands.
func (s *transcript) name(value, kind string) string {
	if s.names[value] == "" {
		s.count[kind]++
		s.names[value] = fmt.Sprintf("(%s %d)", kind, s.count[kind])
	}
	return s.names[value]
}

// An outing is a client that is followed from its first request to its last.
type outing struct {
	h    *house
	s    *transcript
	id   string
	back string
	ask  []string
}

// connects has alice agree, and returns the tokens.
func (o outing) connects() tokens {
	o.h.t.Helper()
	b := o.h.browser()
	o.s.say("Its person is sent to sign in, and agrees.")
	path := b.begin(o.ask...)
	in := b.get(path).header.Get("Location")
	b.post(in, values("username", "alice", "password", password("alice")))
	q := b.post(path, agreed("tier", "read", "skip", "notes")).sentBack(o.back)
	o.s.say("A wrong verifier costs the code; with another one all goes well.")
	o.h.redeem(o.id, q.Get("code"), "redirect_uri", o.back, "code_verifier", strings.Repeat("x", 43)).wantOAuth(http.StatusBadRequest, "invalid_grant")
	o.h.redeem(o.id, q.Get("code"), "redirect_uri", o.back).wantOAuth(http.StatusBadRequest, "invalid_grant")
	q = b.post(b.begin(o.ask...), agreed("tier", "read")).sentBack(o.back)
	return read[tokens](o.h.redeem(o.id, q.Get("code"), "redirect_uri", o.back).want(http.StatusOK))
}

// goesOn uses tokens until they are given back.
func (o outing) goesOn(got tokens) {
	o.h.t.Helper()
	o.s.say("They are refreshed; the same token again, within the grace, gets the same successor.")
	next := read[tokens](o.h.refresh(o.id, got.Refresh).want(http.StatusOK))
	if again := read[tokens](o.h.refresh(o.id, got.Refresh).want(http.StatusOK)); again.Refresh != next.Refresh {
		o.h.t.Error("got another successor")
	}
	o.s.say("Somebody else's client may not use it, and learns nothing.")
	o.h.refresh("mcp-agent", next.Refresh).wantOAuth(http.StatusBadRequest, "invalid_grant")
	o.s.say("It looks at its own token, and gives it back.")
	o.h.form("/oauth/introspect", values("client_id", o.id, "token", next.Access), "Authorization", "Bearer "+next.Access).want(http.StatusOK)
	o.h.form("/oauth/revoke", values("client_id", o.id, "token", next.Refresh)).want(http.StatusOK)
	o.h.refresh(o.id, next.Refresh).wantOAuth(http.StatusBadRequest, "invalid_grant")
}

// isWrong asks in ways that are refused.
func (o outing) isWrong(scope string) {
	o.h.t.Helper()
	o.s.say("What is wrong with its address is a page, everything else is told to it.")
	b := o.h.browser()
	with := func(more ...string) string { return asks(append(append([]string{}, o.ask...), more...)...) }
	b.get(with("redirect_uri", "https://evil.example/cb")).want(http.StatusBadRequest)
	b.get(with("scope", scope)).sentBack(o.back)
	b.get(with("code_challenge_method", "plain")).sentBack(o.back)
	b.get(with("resource", "https://elsewhere.example/mcp")).sentBack(o.back)
}

// A plugin is a client of the configuration, with scopes of its own.
func TestWhatAPluginSeesIsAsItWas(t *testing.T) {
	h := open(t)
	s := h.transcribed("plugin")
	o := outing{h, s, "acme-plugin", "https://eu.acme.example/cb", []string{"client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "plugin"}}
	o.goesOn(o.connects())
	o.isWrong("mcp:admin")
}

// A dynamic client has nothing but the gateway's address.
func TestWhatADynamicClientSeesIsAsItWas(t *testing.T) {
	h := open(t)
	s := h.transcribed("dynamic")
	s.say("It finds the authorization server, and registers.")
	h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource/mcp", "").want(http.StatusOK)
	h.send(nil, http.MethodGet, "/.well-known/oauth-authorization-server", "").want(http.StatusOK)
	made := read[map[string]any](h.send(nil, http.MethodPost, "/oauth/register",
		`{"client_name":"Cursor","redirect_uris":["http://localhost:8787/callback","http://evil.example/cb"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none","scope":"mcp-agent everything"}`,
		"Content-Type", "application/json").want(http.StatusCreated))
	back := "http://localhost:50123/callback" // another port than it said
	id := fmt.Sprint(made["client_id"])
	o := outing{h, s, id, back, []string{"client_id", id, "redirect_uri", back}}
	o.goesOn(o.connects())
	o.isWrong("everything")
	s.say("Its registration is gone.")
	h.must(h.clients.Delete(t.Context(), ostiary.ClientID(id), actor))
	h.browser().get(asks(o.ask...)).want(http.StatusBadRequest)
	h.refresh(id, "ost_rt_x").wantOAuth(http.StatusUnauthorized, "invalid_client")
}
