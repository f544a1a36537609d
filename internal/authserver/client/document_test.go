package client

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/store/storetest"
)

// The documents that real agents publish, in what matters here.
const (
	claudeURL  = "https://claude.ai/oauth/claude-code-client-metadata"
	claudeSays = `{"client_id":"` + claudeURL + `","client_name":"Claude Code","redirect_uris":["http://localhost/callback","http://127.0.0.1/callback"],
		"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"}`
	chatURL  = "https://chatgpt.com/oauth/abc123/client.json"
	chatSays = `{"client_id":"` + chatURL + `","client_name":"ChatGPT","redirect_uris":["https://chatgpt.com/connector/oauth/abc123"],
		"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:jwt-bearer"],"response_types":["code"],
		"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":["none","private_key_jwt","client_secret_basic"],
		"jwks_uri":"https://chatgpt.com/oauth/jwks.json","extra":{"a":[1]}}`
)

func TestAMetadataDocumentMakesAClient(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(claudeURL, claudeSays)
	h.metadata.put(chatURL, chatSays)
	r := h.instance(t)
	c, err := r.Find(t.Context(), claudeURL)
	if err != nil || c.ID != claudeURL || c.Kind != Agent || c.Origin != Document || c.Host != "claude.ai" || !c.Verified() || !slices.Equal(c.Methods, []Method{None}) || !slices.Equal(c.Scopes, []string{AgentScope}) {
		t.Fatalf("got %+v, %v", c, err)
	}
	if _, err := c.CheckRedirect("http://localhost:50123/callback"); err != nil {
		t.Error(err)
	}
	c, err = r.Find(t.Context(), chatURL)
	if err != nil || !slices.Equal(c.Methods, []Method{None, PrivateKey}) || !slices.Equal(c.Grants, []string{GrantCode, GrantRefresh}) || c.credential.keys.operator {
		t.Fatalf("what offers more than we have: got %+v, %v", c, err)
	}
	if _, err := c.CheckRedirect("https://chatgpt.com/connector/oauth/other"); err == nil {
		t.Error("another connector's redirect URI was taken")
	}
}

// Over a real connection, by the client that the gateway fetches with.
func TestADocumentIsFetchedOverTheGuardedClient(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/moved.json" {
			http.Redirect(w, r, "/client.json", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=600")
		fmt.Fprint(w, strings.ReplaceAll(claudeSays, claudeURL, "https://"+r.Host+r.URL.Path))
		if r.URL.Path == "/long.json" {
			fmt.Fprint(w, strings.Repeat(" ", 5<<10))
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	private := netguard.Options{MaxBody: 5 << 10, Private: true, Roots: roots}
	h := newHouse(t, func(c *Config) { c.Metadata = netguard.New(private) })
	r := h.instance(t)
	for range 2 {
		if c, err := r.Find(t.Context(), ostiary.ClientID(server.URL+"/client.json")); err != nil || c.Host != "127.0.0.1" || asked.Load() != 1 {
			t.Fatalf("got %+v, %v, asked %d times", c, err, asked.Load())
		}
	}
	for _, path := range []string{"/moved.json", "/long.json"} {
		_, err := r.Find(t.Context(), ostiary.ClientID(server.URL+path))
		wantError(t, path, err, ErrUnknown)
	}
	h.config.Metadata = netguard.New(netguard.Options{MaxBody: 5 << 10, Roots: roots})
	before := asked.Load()
	_, err := h.instance(t).Find(t.Context(), ostiary.ClientID(server.URL+"/client.json"))
	wantError(t, "where private networks are closed", err, ErrUnknown)
	if asked.Load() != before {
		t.Error("a private address was asked")
	}
}

func TestWhatIsNoDocumentOfItsURLIsRefused(t *testing.T) {
	doc := func(edit ...string) string { return strings.NewReplacer(edit...).Replace(claudeSays) }
	for name, body := range map[string]string{
		"nothing":                      "",
		"a page":                       "<html>",
		"a list":                       "[" + claudeSays + "]",
		"another id":                   doc(`"client_id":"https://claude.ai/`, `"client_id":"https://evil.example/`),
		"an id but for a slash":        doc(`-metadata",`, `-metadata/",`),
		"an id but for case":           doc(`"client_id":"https://claude.ai`, `"client_id":"https://Claude.ai`),
		"no id":                        doc(`"client_id"`, `"client-id"`),
		"two ids":                      doc(`{`, `{"client_id":"x",`),
		"an id in other letters":       doc(`"client_id"`, `"Client_ID"`),
		"no redirect URI":              doc(`"redirect_uris"`, `"redirects"`),
		"no good redirect URI":         doc(`http://localhost/callback`, `http://evil.example/`, `http://127.0.0.1/callback`, `javascript:alert(1)`),
		"secrets only":                 doc(`"none"`, `"client_secret_post"`),
		"keys that aren't said":        doc(`"none"`, `"private_key_jwt"`),
		"keys in two places":           doc(`"none"`, `"private_key_jwt","jwks_uri":"https://a.example/k","jwks":{"keys":[]}`),
		"keys in the clear":            doc(`"none"`, `"private_key_jwt","jwks_uri":"http://a.example/k"`),
		"no codes":                     doc(`"authorization_code",`, ``),
		"a member of the wrong type":   doc(`"Claude Code"`, `{"a":1}`),
		"JSON behind which more comes": claudeSays + "x",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.metadata.put(claudeURL, body)
			_, err := h.instance(t).Find(t.Context(), claudeURL)
			wantError(t, body, err, ErrUnknown)
			var told *DocumentError
			if !errors.As(err, &told) || told.Why == "" {
				t.Errorf("got %v; want its writer told what is wrong", err)
			}
			if !strings.Contains(h.logged.String(), claudeURL) {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestAURLThatCanBeNoIDIsNotFetched(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Domains = []string{"claude.ai"} })
	r := h.instance(t)
	for _, id := range []string{
		"https://claude.ai", "https://claude.ai/", "https://claude.ai?x=1", "https://claude.ai/a#b", "https://user@claude.ai/a", "https://claude.ai/a/../b", "https://claude.ai/%2e%2e/b", "https://CLAUDE.ai/a",
		"https://claude.ai\\a", "https:claude.ai/a", "https:///a", "https://2130706433/a", "https://claude.ai:0443/a",
		"https://other.example/a", "https://evil.claude.ai/a", "https://claude.ai.evil.example/a", "https://claude.ai@evil.example/a",
	} {
		h.metadata.put(id, strings.ReplaceAll(claudeSays, claudeURL, id))
		_, err := r.Find(t.Context(), ostiary.ClientID(id))
		if !errors.Is(err, ErrUnknown) || h.metadata.count(id) != 0 {
			t.Errorf("%s: got %v, asked %d times; want ErrUnknown, and nothing asked", id, err, h.metadata.count(id))
		}
	}
	h.metadata.put(claudeURL, claudeSays)
	if _, err := r.Find(t.Context(), claudeURL); err != nil {
		t.Error(err)
	}
	h.config.Documents = false
	_, err := h.instance(t).Find(t.Context(), claudeURL)
	wantError(t, "documents turned off", err, ErrUnknown)
}

func TestADocumentIsKeptAsLongAsItsHeadersSay(t *testing.T) {
	const soon, usual, day = shortestFresh, usualFresh, longestFresh
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format("Mon, 02 Jan 2006 15:04:05 GMT") }
	for _, c := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, usual},
		{[]string{"Cache-Control", "max-age=600"}, 10 * time.Minute},
		{[]string{"Cache-Control", "public, Max-Age=600, must-revalidate"}, 10 * time.Minute},
		{[]string{"Cache-Control", `max-age="600"`}, 10 * time.Minute},
		{[]string{"Cache-Control", "max-age=600", "Age", "300"}, 5 * time.Minute},
		{[]string{"Cache-Control", "max-age=600", "Age", "900"}, soon},
		{[]string{"Cache-Control", "max-age=31536000"}, day},
		{[]string{"Cache-Control", "max-age=31536000", "Age", "86400"}, day},
		{[]string{"Cache-Control", "max-age=99999999999999999999"}, soon},
		{[]string{"Cache-Control", "max-age=18446744073709551615"}, day},
		{[]string{"Cache-Control", "max-age=-1"}, soon},
		{[]string{"Cache-Control", "max-age=5"}, soon},
		{[]string{"Cache-Control", "no-store, max-age=600"}, soon},
		{[]string{"Cache-Control", "no-cache"}, soon},
		{[]string{"Cache-Control", "private"}, usual},
		{[]string{"Expires", at(2 * time.Hour)}, 2 * time.Hour},
		{[]string{"Expires", at(-time.Hour)}, soon},
		{[]string{"Expires", "0"}, soon},
		{[]string{"Expires", at(48 * time.Hour)}, day},
		{[]string{"Expires", at(2 * time.Hour), "Cache-Control", "max-age=600"}, 10 * time.Minute},
	} {
		t.Run(fmt.Sprint(c.headers), func(t *testing.T) {
			h := newHouse(t)
			h.metadata.put(claudeURL, claudeSays, c.headers...)
			r := h.instance(t)
			find := func(asked int) {
				t.Helper()
				if _, err := r.Find(t.Context(), claudeURL); err != nil || h.metadata.count(claudeURL) != asked {
					t.Errorf("got %v, asked %d times; want %d", err, h.metadata.count(claudeURL), asked)
				}
			}
			find(1)
			h.clock.Move(c.want - time.Millisecond)
			find(1)
			h.clock.Move(time.Millisecond)
			find(2)
		})
	}
}

func TestWhatIsNoneIsNotAskedForAgainForAMinute(t *testing.T) {
	for name, cause := range map[string]error{"refused": netguard.ErrRefused, "not there": netguard.ErrAnswer, "down": netguard.ErrDown} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.metadata.fail(claudeURL, fmt.Errorf("fetch: %w", cause))
			r := h.instance(t)
			down, want := name == "down", ErrUnknown
			if down {
				want = ErrUnreachable
			}
			for range 5 {
				_, err := r.Find(t.Context(), claudeURL)
				wantError(t, "find", err, want)
				if down && errors.Is(err, ErrUnknown) {
					t.Error("a host that is down says that there is no such client")
				}
			}
			h.metadata.put(claudeURL, claudeSays)
			h.clock.Move(time.Minute - time.Millisecond)
			if _, err := r.Find(t.Context(), claudeURL); err == nil || h.metadata.count(claudeURL) != 1 {
				t.Errorf("within a minute: got %v, asked %d times", err, h.metadata.count(claudeURL))
			}
			h.clock.Move(time.Millisecond)
			if _, err := r.Find(t.Context(), claudeURL); err != nil || h.metadata.count(claudeURL) != 2 {
				t.Errorf("after a minute: got %v, asked %d times", err, h.metadata.count(claudeURL))
			}
		})
	}
}

func TestAGoodDocumentOutlivesItsHostForAWhile(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(claudeURL, claudeSays)
	r := h.instance(t)
	if _, err := r.Find(t.Context(), claudeURL); err != nil {
		t.Fatal(err)
	}
	h.metadata.fail(claudeURL, netguard.ErrDown)
	h.clock.Move(2 * time.Hour)
	for range 3 {
		if c, err := r.Find(t.Context(), claudeURL); err != nil || c.Name != "Claude Code" || h.metadata.count(claudeURL) != 2 {
			t.Errorf("while its host is down: got %+v, %v, asked %d times", c, err, h.metadata.count(claudeURL))
		}
	}
	_, err := h.instance(t).Find(t.Context(), claudeURL)
	wantError(t, "another instance, where nobody used it", err, ErrUnreachable)
	h.clock.Move(staleFor)
	_, err = r.Find(t.Context(), claudeURL)
	wantError(t, "after a week", err, ErrUnreachable)
	h.clock.Move(time.Minute)
	h.metadata.put(claudeURL, claudeSays)
	if _, err := r.Find(t.Context(), claudeURL); err != nil {
		t.Error(err)
	}
	h.clock.Move(2 * time.Hour)
	h.metadata.fail(claudeURL, netguard.ErrAnswer) // its host says that it is gone
	_, err = r.Find(t.Context(), claudeURL)
	wantError(t, "taken away", err, ErrUnknown)
	h.metadata.fail(claudeURL, netguard.ErrDown)
	h.clock.Move(2 * time.Minute)
	_, err = r.Find(t.Context(), claudeURL)
	wantError(t, "down after it was taken away", err, ErrUnreachable)
}

// A restart while an agent's host is down throws nobody's agent out.
func TestTheDocumentOfAClientInUseOutlivesARestart(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver)
			h.metadata.put(chatURL, chatSays)
			r := h.instance(t)
			if err := r.Used(t.Context(), chatURL, h.clock.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			before, err := r.Find(t.Context(), chatURL)
			if err != nil {
				t.Fatal(err)
			}
			h.metadata.fail(chatURL, netguard.ErrDown)
			h.clock.Move(2 * time.Hour)
			after, err := h.instance(t).Find(t.Context(), chatURL)
			after.Created, after.Used = time.Time{}, time.Time{}
			if got, want := fmt.Sprintf("%+v", after), fmt.Sprintf("%+v", before); err != nil || got != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
			list, _, err := h.instance(t).List(t.Context(), 10, "")
			if n, _ := r.db.Counter(t.Context(), registered); err != nil || len(list) != 1 || list[0].Origin != Document || list[0].Host != "chatgpt.com" || n != 0 {
				t.Errorf("got list %+v, %v, %d counted as registered", list, err, n)
			}
			h.clock.Move(staleFor)
			_, err = h.instance(t).Find(t.Context(), chatURL)
			wantError(t, "after a week", err, ErrUnreachable)
			if err := h.instance(t).Delete(t.Context(), chatURL, by); err != nil {
				t.Error(err)
			}
			if n, err := r.db.Counter(t.Context(), registered); err != nil || n != 0 {
				t.Errorf("%d are counted, %v", n, err)
			}
		})
	}
}

func TestManyWhoNameOneURLAtOnceFetchItOnce(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(claudeURL, claudeSays)
	h.metadata.wait, h.metadata.called = make(chan struct{}), make(chan struct{}, 100)
	r := h.instance(t)
	left, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := r.Find(left, claudeURL); gone <- err }()
	<-h.metadata.called
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.Find(t.Context(), claudeURL); err != nil {
				t.Error(err)
			}
		})
	}
	leave() // who began it goes; the others still get it
	wantError(t, "who left", <-gone, context.Canceled)
	close(h.metadata.wait)
	wg.Wait()
	if n := h.metadata.count(claudeURL); n != 1 {
		t.Errorf("asked %d times; want once", n)
	}
}

// Anybody can name URLs of a host that did nobody any harm.
func TestOneHostIsAskedForFewDocumentsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.metadata.wait = make(chan struct{})
		r := h.instance(t)
		var wg sync.WaitGroup
		var down atomic.Int64
		for i := range 20 {
			wg.Go(func() {
				_, err := r.Find(t.Context(), ostiary.ClientID(fmt.Sprintf("https://victim.example/%d", i)))
				if errors.Is(err, ErrUnreachable) {
					down.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := h.metadata.all(); n != atOnce {
			t.Errorf("%d are fetched at once; want %d", n, atOnce)
		}
		time.Sleep(patience) // of the bubble
		synctest.Wait()
		if n := down.Load(); n != 20-atOnce {
			t.Errorf("%d were told to come again; want %d", n, 20-atOnce)
		}
		close(h.metadata.wait)
		wg.Wait()
		for i := range 20 { // our crowd is nothing to remember of a host
			id := fmt.Sprintf("https://victim.example/%d", i)
			if h.metadata.count(id) > 0 {
				continue
			}
			h.metadata.put(id, strings.ReplaceAll(claudeSays, claudeURL, id))
			if _, err := r.Find(t.Context(), ostiary.ClientID(id)); err != nil {
				t.Errorf("right afterwards: %v", err)
			}
		}
		h.metadata.put(claudeURL, claudeSays)
		if _, err := r.Find(t.Context(), claudeURL); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestWhatIsRememberedIsBoundedAndTheBadCrowdsOutNoGood(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(claudeURL, claudeSays)
	r := h.instance(t)
	if _, err := r.Find(t.Context(), claudeURL); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxDocuments {
		_, _ = r.Find(t.Context(), ostiary.ClientID(fmt.Sprintf("https://evil.example/%d", i)))
	}
	if n := len(r.documents.bad.at); n != maxDocuments || r.documents.bad.order.Len() != n {
		t.Errorf("%d refusals are remembered; want %d", n, maxDocuments)
	}
	if _, err := r.Find(t.Context(), claudeURL); err != nil || h.metadata.count(claudeURL) != 1 {
		t.Errorf("the good one: %v, asked %d times", err, h.metadata.count(claudeURL))
	}
}

func TestTheLeastAskedForIsForgottenFirst(t *testing.T) {
	l := newLRU[int](2)
	l.put("a", 1)
	l.put("b", 2)
	l.get("a")
	l.put("c", 3)
	l.put("a", 4)
	_, b := l.get("b")
	a, _ := l.get("a")
	if c := l.getOr("c", 9); b || a != 4 || c != 3 || l.getOr("d", 5) != 5 || l.order.Len() != 2 {
		t.Errorf("got a %d, b there %t, c %d, %d in all", a, b, c, l.order.Len())
	}
}

func TestOtherRedirectURIsThanBeforeAreTold(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(claudeURL, claudeSays)
	r := h.instance(t)
	for _, body := range []string{claudeSays, claudeSays, strings.Replace(claudeSays, "http://localhost/callback", "https://elsewhere.example/cb", 1)} {
		if strings.Contains(h.logged.String(), "other redirect URIs") {
			t.Error("told too early")
		}
		h.metadata.put(claudeURL, body)
		if _, err := r.Find(t.Context(), claudeURL); err != nil {
			t.Fatal(err)
		}
		h.clock.Move(2 * time.Hour)
	}
	if !strings.Contains(h.logged.String(), "other redirect URIs") || !strings.Contains(h.logged.String(), "elsewhere.example") {
		t.Errorf("got log %s", h.logged.String())
	}
}

func TestAFaultOfStorageIsNoUnknownClient(t *testing.T) {
	h := newHouse(t)
	got := h.instance(t).must(t, claude)
	h.metadata.fail(claudeURL, netguard.ErrDown)
	f := storetest.NewFaulty(h.raw, false)
	r := h.over(t, f)
	for _, id := range []ostiary.ClientID{got.ID, claudeURL} {
		f.FailAt(1)
		_, err := r.Find(t.Context(), id)
		if !errors.Is(err, storetest.ErrFault) || errors.Is(err, ErrUnknown) {
			t.Errorf("%s: got %v; want the fault", id, err)
		}
	}
	for name, do := range map[string]func() error{
		"used":   func() error { return r.Used(t.Context(), got.ID, h.clock.Now()) },
		"delete": func() error { return r.Delete(t.Context(), got.ID, by) },
		"sweep":  func() error { _, err := r.Sweep(t.Context()); return err },
		"list":   func() error { _, _, err := r.List(t.Context(), 10, ""); return err },
	} {
		f.FailAt(1)
		wantError(t, name, do(), storetest.ErrFault)
	}
	if _, err := r.Find(t.Context(), got.ID); err != nil {
		t.Error(err)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(claudeSays))
	f.Add([]byte(chatSays))
	f.Add([]byte(claude))
	f.Add([]byte(`{"redirect_uris":["` + cursor + `"],"jwks":{"keys":[{"kty":"EC"}]},"token_endpoint_auth_method":"private_key_jwt"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMetadata(raw)
		if err != nil {
			wantCode(t, "parse", err, CodeMetadata)
			return
		}
		c, _, err := m.narrow([]string{cursor}, []Method{None, PrivateKey})
		if err != nil {
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Errorf("got %v; want an *Error", err)
			}
			return
		}
		if c.Kind != Agent || len(c.Redirects.URIs) == 0 || len(c.Methods) == 0 || c.Redirects.Loopback || len(c.Scopes) == 0 || len(c.Name) > maxName {
			t.Errorf("got %+v", c)
		}
		for _, text := range c.Redirects.URIs {
			if u, err := c.CheckRedirect(text); err != nil || u.Scheme != "https" && !u.Loopback() && text != cursor {
				t.Errorf("%q is kept: %v", text, err)
			}
		}
	})
}
