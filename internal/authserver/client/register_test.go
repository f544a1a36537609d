package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestWhoRegistersIsFoundOnEveryInstanceAndAfterARestart(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver)
			got := h.instance(t).must(t, claude)
			c, err := h.instance(t).Find(t.Context(), got.ID)
			if err != nil || c.ID != got.ID || c.Kind != Agent || c.Origin != Registered || c.Verified() || !c.Public() || c.Name != "Claude Code" {
				t.Fatalf("got %+v, %v", c, err)
			}
			if _, err := c.CheckRedirect("http://localhost:1234/callback"); err != nil {
				t.Errorf("its redirect URI on another port: %v", err)
			}
			if _, err := c.CheckRedirect("http://127.0.0.1:4711/callback"); err == nil {
				t.Error("another host was taken")
			}
			if want := []string{"client registered " + string(got.ID)}; !slices.Equal(h.events(t), want) {
				t.Errorf("got events %q; want %q", h.events(t), want)
			}
		})
	}
}

func TestTheAnswerEchoesWhatWasRegistered(t *testing.T) {
	r := newHouse(t).instance(t)
	got := r.must(t, claude)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"client_id":%q,"client_id_issued_at":%d,"redirect_uris":["http://localhost:4711/callback"],"token_endpoint_auth_method":"none",`+
		`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"application_type":"native","scope":"mcp-agent","client_name":"Claude Code"}`,
		got.ID, r.db.Clock().Now().Unix())
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
}

func TestWhatWeHaveNotIsLeftOutAndNotRefused(t *testing.T) {
	with := func(members string) string { return `{"redirect_uris":["http://127.0.0.1/cb"],` + members + `}` }
	r := newHouse(t).instance(t)
	for body, want := range map[string]Registration{
		`{"redirect_uris":["http://127.0.0.1/cb"]}`:                                                    {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"grant_types":["authorization_code"]`):                                                   {Method: None, Grants: []string{GrantCode}, Scope: AgentScope, ApplicationType: "native"},
		with(`"grant_types":["authorization_code","implicit","urn:x","refresh_token"]`):                {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"response_types":["code","id_token"],"application_type":"web"`):                          {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "web"},
		with(`"application_type":"tablet"`):                                                            {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"scope":"openid profile email offline_access"`):                                          {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"scope":"mcp:read openid crm:*  mcp:read"`):                                              {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: "mcp:read crm:*", ApplicationType: "native"},
		with(`"scope":"mcp:read mcp-agent"`):                                                           {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"logo_uri":"javascript:alert(1)","client_uri":"http://a.example/","contacts":[{"a":1}]`): {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
		with(`"logo_uri":"https://a.example/l.png","client_uri":"https://a.example"`):                  {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native", Logo: "https://a.example/l.png", Site: "https://a.example"},
		with(`"client_name":null,"jwks":null,"grant_types":null,"token_endpoint_auth_method":""`):      {Method: None, Grants: []string{GrantCode, GrantRefresh}, Scope: AgentScope, ApplicationType: "native"},
	} {
		got, err := r.try(t, body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		want.Redirects, want.Responses = got.Redirects, []string{"code"}
		want.ID, want.IssuedAt = got.ID, got.IssuedAt
		if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
			t.Errorf("%s:\ngot  %s\nwant %s", body, g, w)
		}
	}
}

// Cursor sends three redirect URIs at once, of which not all can be taken
// everywhere.
func TestABadRedirectURIIsDroppedAndReported(t *testing.T) {
	h := newHouse(t)
	three := `{"redirect_uris":["` + cursor + `","https://www.cursor.com/agents/mcp/oauth/callback","http://localhost:8787/callback"]}`
	if got := h.instance(t).must(t, three); len(got.Redirects) != 3 || got.Refused != nil {
		t.Errorf("got %q, refused %v", got.Redirects, got.Refused)
	}
	h.config.RedirectAllow = nil
	r := h.instance(t)
	got := r.must(t, strings.Replace(three, "{", `{"client_name":"other",`, 1))
	want := []string{"https://www.cursor.com/agents/mcp/oauth/callback", "http://localhost:8787/callback"}
	if !slices.Equal(got.Redirects, want) || len(got.Refused) != 1 || got.Refused[0].URI != cursor || got.Refused[0].Reason == "" {
		t.Errorf("got %q, refused %v", got.Redirects, got.Refused)
	}
	for _, bad := range []string{
		"javascript:alert(1)", "http://evil.example/cb", "http://127.0.0.1@evil.example/", "http://0.0.0.0/cb", "myapp://cb", "data:text/html,x", "", "/cb", "https://a.example/cb#x", "https://*.a.example/cb",
		"cursor://anysphere.cursor-mcp/oauth/callback/",
	} {
		body, _ := json.Marshal(map[string]any{"redirect_uris": []string{bad, "http://127.0.0.1/cb"}, "client_name": bad})
		got, err := r.try(t, string(body))
		if err != nil || !slices.Equal(got.Redirects, []string{"http://127.0.0.1/cb"}) || len(got.Refused) != 1 || got.Refused[0].URI != bad {
			t.Errorf("%q beside a good one: got %q, refused %v, %v", bad, got.Redirects, got.Refused, err)
		}
		body, _ = json.Marshal(map[string]any{"redirect_uris": []string{bad}})
		_, err = r.try(t, string(body))
		wantCode(t, bad+" alone", err, CodeRedirect)
	}
}

// What the operator no longer allows is not taken from who registered while it
// was.
func TestAnEntryTakenFromRedirectAllowIsTakenFromItsClients(t *testing.T) {
	h := newHouse(t)
	got := h.instance(t).must(t, `{"redirect_uris":["`+cursor+`","http://localhost/cb"]}`)
	allowed := func() bool {
		c, err := h.instance(t).Find(t.Context(), got.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.CheckRedirect(cursor)
		return err == nil
	}
	if !allowed() {
		t.Error("refused while it is allowed")
	}
	if h.config.RedirectAllow = nil; allowed() {
		t.Error("allowed though it no longer is")
	}
}

func TestARegistrationThatMakesNoSenseIsRefused(t *testing.T) {
	many := `"http://127.0.0.1/cb"` + strings.Repeat(`,"http://127.0.0.1/cb"`, maxRedirects)
	r := newHouse(t).instance(t)
	for body, code := range map[string]string{
		``: CodeMetadata, `[]`: CodeMetadata, `null`: CodeMetadata, `{`: CodeMetadata, `{} {}`: CodeMetadata, `"x"`: CodeMetadata,
		`{}`:                               CodeRedirect,
		`{"redirect_uris":[]}`:             CodeRedirect,
		`{"redirect_uris":[` + many + `]}`: CodeRedirect,
		`{"redirect_uris":"http://127.0.0.1/cb"}`: CodeMetadata,
		`{"redirect_uris":[1]}`:                   CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"redirect_uris":["http://127.0.0.1/cb"]}`:                            CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"Redirect_URIs":["https://evil.example/"]}`:                          CodeMetadata,
		`{"redirect_uriſ":["http://127.0.0.1/cb"]}`:                                                                    CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"client_name":5}`:                                                    CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"grant_types":["client_credentials"]}`:                               CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"grant_types":["refresh_token"]}`:                                    CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"response_types":["token"]}`:                                         CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"tls_client_auth"}`:                     CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"private_key_jwt"}`:                     CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[]}}`:  CodeMetadata,
		`{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"http:x"}`: CodeMetadata,
		`{"a":"` + strings.Repeat("x", MaxRegistration) + `"}`:                                                         CodeMetadata,
		strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100):                                                  CodeMetadata,
	} {
		_, err := r.try(t, body)
		wantCode(t, fmt.Sprintf("%.100s", body), err, code)
	}
	if list, _, err := r.List(t.Context(), 100, ""); err != nil || len(list) != 0 {
		t.Errorf("%d clients were kept, %v", len(list), err)
	}
}

func TestAMemberOfTheWrongTypeIsNamedWithoutOurInnards(t *testing.T) {
	r := newHouse(t).instance(t)
	for body, want := range map[string]string{
		`{"redirect_uris":"http://127.0.0.1/cb"}`:                     "redirect_uris: it has to be a list of texts, and is of type string",
		`{"redirect_uris":["http://127.0.0.1/cb"],"client_name":5}`:   "client_name: it has to be a text, and is of type number",
		`{"redirect_uris":["http://127.0.0.1/cb"],"grant_types":{}}`:  "grant_types: it has to be a list of texts, and is of type object",
		`{"redirect_uris":["http://127.0.0.1/cb"],"grant_types":[1]}`: "grant_types: it has to be a text, and is of type number",
	} {
		_, err := r.try(t, body)
		var refused *Error
		if !errors.As(err, &refused) || refused.Description != want {
			t.Errorf("%s: got %v; want %q", body, err, want)
		}
	}
}

func TestNobodyChoosesAnIDNorShadowsTheOperators(t *testing.T) {
	static, err := NewStatic(Client{ID: "mcp-agent", Kind: Agent, Redirects: Redirects{Loopback: true}}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	url := "https://static.example/client.json"
	named, err := NewStatic(Client{ID: "https://static.example/client.json", Kind: Agent, Redirects: Redirects{Loopback: true}}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *Config) { c.Static = []Client{static, named} })
	h.metadata.put(url, `{"client_id":"`+url+`","redirect_uris":["https://evil.example/"]}`)
	r := h.instance(t)
	got := r.must(t, `{"client_id":"mcp-agent","client_secret":"x","redirect_uris":["https://evil.example/"]}`)
	if got.ID == "mcp-agent" || !strings.HasPrefix(string(got.ID), "cli_") || got.Secret != "" {
		t.Errorf("got %+v", got)
	}
	for _, s := range h.config.Static {
		if c, err := r.Find(t.Context(), s.ID); err != nil || c.Origin != Static || !c.Redirects.Loopback || h.metadata.count(url) != 0 {
			t.Errorf("%s: got %+v, %v", s.ID, c, err)
		}
	}
	if _, err := NewRegistry(r.db, r.epochs, book{}, Config{Static: []Client{static, static}}); err == nil {
		t.Error("two static clients of one id were taken")
	}
}

func TestAnEntryOfRedirectAllowThatNothingMatchesIsRefused(t *testing.T) {
	r := newHouse(t).instance(t)
	for text, ok := range map[string]bool{
		cursor: true, "com.example.app:/cb": true, "https://a.example/cb": true, "http://localhost/cb": true,
		"Cursor://x": false, "javascript:x": false, "cursor": false, "cursor://x#y": false, "https://A.example/": false, "": false,
	} {
		if _, err := NewRegistry(r.db, r.epochs, book{}, Config{RedirectAllow: []string{text}}); (err == nil) != ok {
			t.Errorf("%q: got %v; want taken %t", text, err, ok)
		}
	}
}

func TestRegistrationCanBeTurnedOff(t *testing.T) {
	h := newHouse(t)
	before := h.instance(t).must(t, claude)
	h.config.Dynamic = false
	r := h.instance(t)
	_, err := r.try(t, claude)
	wantError(t, "register", err, ErrDisabled)
	if _, err := r.Find(t.Context(), before.ID); err != nil {
		t.Errorf("who had registered before: %v", err)
	}
}

func TestNamesAreShownAsWhatTheyAre(t *testing.T) {
	for name, want := range map[string]string{
		"Claude Code":                  "Claude Code",
		"  a\t b\n\nc ":                "a b c",
		"evil\u202etxt.exe":            "evil⟨U+202E⟩txt.exe",
		"zero\u200bwidth\ufeff":        "zero⟨U+200B⟩width⟨U+FEFF⟩",
		"bell\x07\x00\x1b[31m":         "bell⟨U+0007⟩⟨U+0000⟩⟨U+001B⟩[31m",
		"\u2066isolated\u2069":         "⟨U+2066⟩isolated⟨U+2069⟩",
		"<b>bold</b>":                  "<b>bold</b>", // text, escaped where it is shown
		strings.Repeat("é", 100):       strings.Repeat("é", 50),
		strings.Repeat("x", 1000):      strings.Repeat("x", 100),
		"x" + strings.Repeat("é", 100): "x" + strings.Repeat("é", 49),
		"":                             "",
		"\u200b":                       "⟨U+200B⟩",
		"no\u00a0break":                "no break",
		"byte\xff":                     "byte\ufffd",
	} {
		if got := plainText(name); got != want {
			t.Errorf("%q: got %q; want %q", name, got, want)
		}
	}
}

func TestOnlyWhoWantsOneGetsASecret(t *testing.T) {
	h := newHouse(t)
	r := h.instance(t)
	for _, method := range []Method{Basic, Post} {
		got := r.must(t, `{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"`+string(method)+`"}`)
		if !identity.CheckToken(got.Secret, identity.KindClientSecret) || got.SecretExpiresAt == nil || *got.SecretExpiresAt != 0 || got.Method != method {
			t.Fatalf("%s: got %+v", method, got)
		}
		raw, _ := json.Marshal(got)
		if !strings.Contains(string(raw), `"client_secret_expires_at":0`) {
			t.Errorf("%s: got %s", method, raw)
		}
		c, err := r.Find(t.Context(), got.ID)
		if err != nil || c.Public() || c.credential.hash == "" || strings.Contains(fmt.Sprintf("%+v", c), got.Secret) {
			t.Errorf("%s: got %+v, %v; want a hash of the secret alone", method, c, err)
		}
	}
}

func TestTheSameWordsFromTheSamePlaceAreTheSameClient(t *testing.T) {
	h := newHouse(t)
	r := h.instance(t)
	first := r.must(t, claude)
	again := h.instance(t).must(t, strings.Replace(claude, "4711", "4712", 1))
	if again.ID != first.ID || again.IssuedAt != first.IssuedAt || again.Redirects[0] != "http://localhost:4712/callback" {
		t.Errorf("another port: got %+v; want %s with its own redirect URI", again, first.ID)
	}
	other := func(what string, got Registration, err error) {
		t.Helper()
		if err != nil || got.ID == first.ID {
			t.Errorf("%s: got %s, %v; want another client than %s", what, got.ID, err, first.ID)
		}
	}
	got, err := r.Register(t.Context(), []byte(claude), "192.0.2.8", by)
	other("another place", got, err)
	got, err = r.try(t, strings.Replace(claude, "Claude", "Cloude", 1))
	other("another name", got, err)
	got, err = r.try(t, strings.Replace(claude, "localhost", "127.0.0.1", 1))
	other("another host", got, err)
	got, err = r.try(t, strings.Replace(claude, "/callback", "/cb", 1))
	other("another path", got, err)
	secret := strings.Replace(claude, `"none"`, `"client_secret_post"`, 1)
	one, two := r.must(t, secret), r.must(t, secret)
	if one.ID == two.ID || one.Secret == two.Secret || two.Secret == "" {
		t.Errorf("who wants a secret: got %+v and %+v", one, two)
	}
	h.clock.Move(same)
	got, err = r.try(t, claude)
	other("ten minutes later", got, err)
}

func TestSomebodyElseComesAfterTheSameWordsWereDeleted(t *testing.T) {
	r := newHouse(t).instance(t)
	first := r.must(t, claude)
	if err := r.Delete(t.Context(), first.ID, by); err != nil {
		t.Fatal(err)
	}
	if got := r.must(t, claude); got.ID == first.ID {
		t.Error("a deleted client came back")
	}
}

func TestManyAtOnceInTheSameWordsAreOneClient(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver)
			instances := []*Registry{h.instance(t), h.instance(t)}
			ids := make([]string, 16)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					got, err := instances[i%2].try(t, strings.Replace(claude, "4711", fmt.Sprint(4711+i), 1))
					if err != nil {
						t.Error(err)
					}
					ids[i] = string(got.ID)
				})
			}
			wg.Wait()
			if slices.Sort(ids); ids[0] == "" || len(slices.Compact(ids)) != 1 {
				t.Errorf("got clients %q; want one", ids)
			}
			if n, err := instances[0].db.Counter(t.Context(), registered); err != nil || n != 1 {
				t.Errorf("%d are counted, %v; want 1", n, err)
			}
		})
	}
}

func TestThereAreNeverMoreThanThereMayBe(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver, func(c *Config) { c.MaxClients = 5 })
			instances := []*Registry{h.instance(t), h.instance(t)}
			var wg sync.WaitGroup
			var mu sync.Mutex
			made := 0
			for i := range 16 {
				wg.Go(func() {
					_, err := instances[i%2].try(t, strings.Replace(claude, "Claude", fmt.Sprint("Agent ", i), 1))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						made++
					} else {
						wantError(t, "one too many", err, ErrFull)
					}
				})
			}
			wg.Wait()
			list, _, err := instances[0].List(t.Context(), 100, "")
			if err != nil || made != 5 || len(list) != 5 {
				t.Errorf("%d were made, %d are there, %v; want 5", made, len(list), err)
			}
			if err := instances[0].Delete(t.Context(), list[0].ID, by); err != nil {
				t.Fatal(err)
			}
			instances[1].must(t, claude)
		})
	}
}

func TestAFaultOfStorageIsNoRefusalAndLosesNothing(t *testing.T) {
	for n := int64(1); ; n++ {
		h := newHouse(t)
		before := h.instance(t).must(t, claude)
		f := storetest.NewFaulty(h.raw, false)
		r := h.over(t, f)
		f.FailAt(n)
		got, err := r.try(t, strings.Replace(claude, "Claude", "Other", 1))
		hit := f.Hit()
		if err != nil {
			wantError(t, fmt.Sprint("operation ", n), err, storetest.ErrFault)
		} else if _, err := h.instance(t).Find(t.Context(), got.ID); err != nil {
			t.Errorf("operation %d: registered and not there: %v", n, err)
		}
		if _, err := h.instance(t).Find(t.Context(), before.ID); err != nil {
			t.Errorf("operation %d: %v", n, err)
		}
		list, _, _ := h.instance(t).List(t.Context(), 10, "")
		if count, err := h.instance(t).db.Counter(t.Context(), registered); err != nil || int(count) != len(list) {
			t.Errorf("operation %d: %d counted, %d there, %v", n, count, len(list), err)
		}
		if !hit {
			if n < 3 {
				t.Errorf("no operation was hit")
			}
			return
		}
	}
}

func TestWhatIsNoIDOfOursFindsNobody(t *testing.T) {
	r := newHouse(t).instance(t)
	for _, id := range []string{"", "cli_", "cli_none", "CLI_X", "http://a.example/x", "personal", "mcp-agent", "\x00", strings.Repeat("x", 100_000)} {
		if _, err := r.Find(t.Context(), ostiary.ClientID(id)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%.20q: got %v; want ErrUnknown", id, err)
		}
	}
}
