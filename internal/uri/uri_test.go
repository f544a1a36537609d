package uri_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/uri"
)

func TestAHostIsWrittenInItsOneUsualForm(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://a.example/": true, "https://a": true, "https://a-1.b2.example:8443/?x=%C3%BC": true, "https://xn--bcher-kva.example/": true,
		"https://93.184.216.34/": true, "https://[2001:db8::1]/": true, "https://[2001:db8::1]:8443/": true,
		"https://[2001:DB8::1]/": false, "https://[2001:0db8::1]/": false, "https://[2001:db8:0:0::1]/": false, "https://[::ffff:93.184.216.34]/": false, "https://[fe80::1%25a]/": false,
		"https://93.184.216.034/": false, "https://93.184.8738/": false, "https://a.0x1/": false, "https://a.1/": false, "https://1/": false,
		"https://A.example/": false, "https://a..example/": false, "https://a.example./": false, "https://-a.example/": false, "https://a_b.example/": false, "https://bücher.example/": false,
		"https://" + strings.Repeat("a", 63) + ".example/": true, "https://" + strings.Repeat("a", 64) + ".example/": false, "https://" + strings.Repeat("a.", 130) + "example/": false,
		"app:x": true, "app:": false, "App:x": false, "1app:x": false, "+app:x": false, "a+b-c.d1:x": true, "about:blank": false, "ws://a.example/": false, "mailto:a@b": false,
	} {
		if _, err := uri.Parse(text); (err == nil) != ok || err != nil && !errors.Is(err, uri.ErrForm) {
			t.Errorf("%.80s: got %v; want taken %t", text, err, ok)
		}
	}
}

// What we take, the standard library's parser must see as we do.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"http://127.0.0.1:80/cb?a=b", "http://localhost", "http://[::1]:1/", "https://a.example/cb", "cursor://anysphere.cursor-mcp/oauth/callback", "http://127.0.0.1@evil/", "http://[::1%25lo]/", "com.example:/x",
		"http://0x7f.1/", "http://localhost/%2e%2e/", "https://*.acme.example/cb", "http://a:b@c:1/d?e#f",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := uri.Parse(text)
		if err != nil {
			return
		}
		if u.String() != text {
			t.Fatalf("%q came back as %q", text, u)
		}
		if !u.Web() {
			return // an operator's exact words, compared and never taken apart
		}
		std, err := url.Parse(text)
		if err != nil || std.Scheme != u.Scheme || std.User != nil || std.Fragment != "" {
			t.Fatalf("%q: the standard library sees %v, %v", text, std, err)
		}
		if std.Host != strings.TrimSuffix(u.Host+":"+u.Port, ":") || std.Opaque != "" {
			t.Fatalf("%q: host %q port %q; the standard library sees %q", text, u.Host, u.Port, std.Host)
		}
		if u.Loopback() && (std.Scheme != "http" || std.Hostname() != "127.0.0.1" && std.Hostname() != "::1" && std.Hostname() != "localhost") {
			t.Fatalf("%q is loopback to us, %q to the standard library", text, std.Hostname())
		}
	})
}
