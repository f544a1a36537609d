package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/uri"
)

func agent(uris ...string) *Client {
	return &Client{ID: "a", Kind: Agent, Redirects: Redirects{URIs: uris}}
}

func onLoopback() *Client { return &Client{ID: "a", Kind: Agent, Redirects: Redirects{Loopback: true}} }

func TestLoopbackIsTakenWithEveryPortPathAndQuery(t *testing.T) {
	for _, text := range []string{
		"http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1:1/cb", "http://127.0.0.1:80/cb", "http://127.0.0.1:3000/cb", "http://127.0.0.1:65535/cb",
		"http://localhost:1/cb", "http://localhost:80", "http://localhost:3000/oauth/callback", "http://localhost:65535/", "http://localhost/callback",
		"http://[::1]", "http://[::1]:8080/cb", "http://127.0.0.1:33418/callback/aGVsbG8", "http://localhost:1/cb?a=b&c=d%20e", "http://localhost?x=1", "http://localhost:1/a@b:c;d,e",
	} {
		if u, err := onLoopback().CheckRedirect(text); err != nil || u.String() != text {
			t.Errorf("%s: got %q, %v", text, u, err)
		}
	}
}

func TestWhatOnlyLooksLikeLoopbackIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "http://", "http:", "http", "http:///cb", "http:127.0.0.1/cb", "http:/127.0.0.1/cb", "//127.0.0.1/cb", "127.0.0.1:80/cb",
		"https://127.0.0.1/cb", "https://localhost/cb", "HTTP://127.0.0.1/cb", "Http://localhost/cb", "http://LOCALHOST/cb", "http://Localhost/cb", "ftp://127.0.0.1/cb", "ws://localhost/",
		"http://127.0.0.1@evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "http://user@127.0.0.1/cb", "http://user:pw@localhost/cb", "http://@localhost/cb", "http://evil.example@localhost/",
		"http://127.0.0.1\\@evil.example/cb", "http://evil.example\\@127.0.0.1/cb", "http:\\\\127.0.0.1/cb", "http://127.0.0.1\\cb", "http://localhost\\.evil.example/",
		"http://127.0.0.1\t/cb", "http://127.0.0.1/cb\n", "\thttp://127.0.0.1/cb", " http://127.0.0.1/cb", "http://127.0.0.1/cb ", "http://127.0.0.1/c b", "http://local\thost/", "http://localhost/\x00", "http://localhost/\x7f",
		"http://127%2e0.0.1/cb", "http://127.0.0%2E1/cb", "http://%6cocalhost/cb", "http://localhost%00.evil.example/", "http://localhost%2f@evil.example/", "http://localhost%23@evil.example",
		"http://2130706433/cb", "http://0x7f000001/cb", "http://0x7f.0.0.1/cb", "http://0177.0.0.1/cb", "http://017700000001/cb", "http://127.1/cb", "http://127.0.1/cb", "http://127.00.0.1/cb", "http://127.0.0.01/", "http://127.0.0.1./cb", "http://127.0.0.256/",
		"http://127.0.0.2/cb", "http://127.255.255.254/cb", "http://0.0.0.0/cb", "http://0/cb", "http://[::]/cb", "http://10.0.0.1/cb", "http://169.254.169.254/",
		"http://[0:0:0:0:0:0:0:1]/cb", "http://[::0001]/cb", "http://[::ffff:127.0.0.1]/cb", "http://[::ffff:7f00:1]/", "http://[::1%25lo]/cb", "http://[::1%lo]/cb", "http://[::1/cb", "http://::1/cb", "http://[127.0.0.1]/cb", "http://[::1]x/cb", "http://[::1].evil.example/",
		"http://localhost.evil.example/cb", "http://localhost./cb", "http://.localhost/cb", "http://evil.localhost/cb", "http://localhost-/cb", "http://localhost,evil.example/", "http://localhost;evil.example/", "http://ｌocalhost/cb", "http://localhoſt/cb", "http://ⓛocalhost/", "http://127。0。0。1/cb",
		"http://127.0.0.1:/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:-1/cb", "http://127.0.0.1:+80/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1:8o/cb", "http://localhost:80%20/", "http://localhost:99999999999999999999/",
		"http://127.0.0.1/cb#", "http://127.0.0.1/cb#x", "http://127.0.0.1#@evil.example/", "http://127.0.0.1/cb%0d%0aLocation:x", "http://127.0.0.1/%zz", "http://127.0.0.1/%", "http://127.0.0.1/%0", "http://127.0.0.1/%00",
		"http://127.0.0.1/a/../b", "http://127.0.0.1/./b", "http://127.0.0.1/..", "http://127.0.0.1/a/%2e%2e/b", "http://127.0.0.1/a/.%2E/b", "http://127.0.0.1/<script>", `http://127.0.0.1/"`, "http://127.0.0.1/ü", "http://127.0.0.1/[x]", "http://127.0.0.1/{x}", "http://127.0.0.1/a|b", "http://127.0.0.1/a^b", "http://127.0.0.1/`",
		"http://127.0.0.1/" + strings.Repeat("x", uri.MaxLength),
		"javascript:alert(1)//127.0.0.1", "data:text/html,http://127.0.0.1", "blob:http://127.0.0.1/x", "view-source:http://localhost/",
	} {
		if u, err := onLoopback().CheckRedirect(text); !errors.Is(err, uri.ErrForm) && !errors.Is(err, ErrRedirect) || u != (uri.URI{}) {
			t.Errorf("%q: got %q, %v; want it refused", text, u, err)
		}
	}
}

// A client that looks at the first of two would take anybody's.
func TestAnAddressThatHoldsAnAnswerAlreadyIsRefused(t *testing.T) {
	for query, ok := range map[string]bool{
		"?code=evil": false, "?state=x": false, "?a=b&iss=https://evil.example": false, "?error=x": false, "?error_description=x": false, "?error_uri=x": false,
		"?c%6fde=evil": false, "?a=b;code=evil": false, "?Code=evil": false, "?code": false, "?": true, "?codes=1&encode=2": true, "?a=code": true, "?a=code=1": true,
	} {
		if _, err := onLoopback().CheckRedirect("http://127.0.0.1:1/cb" + query); (err == nil) != ok || err != nil && !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: got %v; want taken %t", query, err, ok)
		}
		if why := unfit("https://agent.example/cb"+query, nil); (why == "") != ok {
			t.Errorf("%s: registered: got %q; want taken %t", query, why, ok)
		}
		static := Client{ID: "a", Kind: Agent, Redirects: Redirects{URIs: []string{"https://agent.example/cb" + query}}}
		if _, err := NewStatic(static, "", ""); (err == nil) != ok {
			t.Errorf("%s: configured: got %v; want taken %t", query, err, ok)
		}
	}
}

func TestARegisteredURIStandsForNothingButItself(t *testing.T) {
	for _, c := range []struct {
		registered, asked string
		ok                bool
	}{
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback", true},
		{"http://127.0.0.1/callback", "http://127.0.0.1:4711/callback", true}, // Claude Code registers without a port
		{"http://127.0.0.1:3334/callback", "http://127.0.0.1:4711/callback", true},
		{"http://127.0.0.1:3334/callback", "http://127.0.0.1/callback", true},
		{"http://[::1]:1/cb", "http://[::1]:2/cb", true},
		{"http://localhost/callback", "http://localhost:65535/callback", true},
		{"http://localhost/callback", "http://127.0.0.1/callback", false},
		{"http://127.0.0.1/callback", "http://localhost:1/callback", false},
		{"http://127.0.0.1/callback", "http://[::1]/callback", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback/", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/Callback", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/call%62ack", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback/x", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback?a=b", false},
		{"http://127.0.0.1/callback?a=b", "http://127.0.0.1:9/callback?a=b", true},
		{"http://127.0.0.1/callback?a=b", "http://127.0.0.1:9/callback?a=c", false},
		{"http://127.0.0.1/callback?a=b", "http://127.0.0.1:9/callback", false},
		{"http://127.0.0.1/", "http://127.0.0.1:33418/", true}, // VS Code
		{"http://127.0.0.1/", "http://127.0.0.1:33418", false},
		{"http://127.0.0.1/callback", "https://127.0.0.1/callback", false},
		{"https://127.0.0.1/callback", "https://127.0.0.1:8443/callback", false},

		{"https://vscode.dev/redirect", "https://vscode.dev/redirect", true},
		{"https://vscode.dev/redirect", "https://vscode.dev:443/redirect", false},
		{"https://vscode.dev/redirect", "https://VSCODE.dev/redirect", false},
		{"https://vscode.dev/redirect", "https://vscode.dev/redirect/", false},
		{"https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", false},
		{"https://vscode.dev/redirect", "http://vscode.dev/redirect", false},
		{"https://vscode.dev/redirect", "https://vscode.dev/redirect?x=1", false},
		{"https://vscode.dev/redirect", "https://vscode.dev@evil.example/redirect", false},
		{"https://a.example:8443/cb", "https://a.example:8443/cb", true},
		{"https://a.example:8443/cb", "https://a.example/cb", false},

		{"http://a.example/cb", "http://a.example/cb", false}, // in the clear, whoever registered it

		{"cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback", true},
		{"cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback/", false},
		{"cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp:1/oauth/callback", false},
		{"cursor://anysphere.cursor-mcp/oauth/callback", "cursor://evil/oauth/callback", false},
		{"com.example.app:/cb", "com.example.app:/cb", true},
		{"com.example.app:/cb", "com.example.App:/cb", false},
		{"javascript:alert(1)", "javascript:alert(1)", false},
		{"data:text/html,x", "data:text/html,x", false},

		{"https://*.acme.example/cb", "https://crm.acme.example/cb", false}, // for plugins only
		{"https://acme.example/*", "https://acme.example/cb", false},
		{"https://acme.example/*", "https://acme.example/*", true},
	} {
		if _, err := agent(c.registered).CheckRedirect(c.asked); (err == nil) != c.ok {
			t.Errorf("registered %s, asked %s: got %v; want taken %t", c.registered, c.asked, err, c.ok)
		}
	}
}

func TestAPluginsStarIsOneLabel(t *testing.T) {
	for _, c := range []struct {
		registered, asked string
		ok                bool
	}{
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example/oauth/callback", true},
		{"https://*.acme.example/oauth/callback", "https://x1-y.acme.example/oauth/callback", true},
		{"https://*.acme.example/oauth/callback", "https://acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://a.b.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://*.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://evilacme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example.evil.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example@evil.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://evil.example%2f.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://evil.example/.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://evil.example?.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "http://crm.acme.example/oauth/callback", false},
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example:8443/oauth/callback", false},
		{"https://*.acme.example:8443/oauth/callback", "https://crm.acme.example:8443/oauth/callback", true},
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example/oauth/callback/", false},
		{"https://*.acme.example/oauth/callback", "https://crm.acme.example/oauth/callback?a=b", false},
		{"https://*.acme.example/oauth/callback", "https://CRM.acme.example/oauth/callback", false},
		{"https://*.example/oauth/callback", "https://crm.example/oauth/callback", false},
		{"https://crm.*.example/cb", "https://crm.acme.example/cb", false},
		{"https://*crm.acme.example/cb", "https://xcrm.acme.example/cb", false},
		{"https://*.*.acme.example/cb", "https://a.b.acme.example/cb", false},
		{"https://*.0.0.1/cb", "https://127.0.0.1/cb", false},
		{"http://*.acme.example/cb", "http://crm.acme.example/cb", false},
		{"https://crm.acme.example/cb", "https://crm.acme.example/cb", true},
		{"http://localhost:1/cb", "http://localhost:2/cb", true},
	} {
		plugin := &Client{ID: "p", Kind: Plugin, Redirects: Redirects{URIs: []string{c.registered}}}
		if _, err := plugin.CheckRedirect(c.asked); (err == nil) != c.ok {
			t.Errorf("registered %s, asked %s: got %v; want taken %t", c.registered, c.asked, err, c.ok)
		}
	}
}

func TestKindsThatSendNobodyAnywhereHaveNoRedirect(t *testing.T) {
	for _, k := range []Kind{Machine, Introspector, "", "Agent"} {
		c := Client{Kind: k, Redirects: Redirects{Loopback: true, URIs: []string{"https://a.example/cb"}}}
		for _, text := range []string{"http://localhost/", "https://a.example/cb"} {
			if _, err := c.CheckRedirect(text); !errors.Is(err, ErrRedirect) {
				t.Errorf("kind %q, %s: got %v; want ErrRedirect", k, text, err)
			}
		}
	}
	for _, k := range []Kind{Agent, Plugin, Resource} {
		c := Client{Kind: k, Redirects: Redirects{URIs: []string{"https://a.example/cb"}}}
		if _, err := c.CheckRedirect("https://a.example/cb"); err != nil {
			t.Errorf("kind %q: %v", k, err)
		}
	}
}
