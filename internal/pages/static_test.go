package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/pages"
)

func TestTheContentSecurityPolicyLetsNothingForeignIn(t *testing.T) {
	h := http.Header{}
	pages.SetHeaders(h)
	const want = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if got := h.Get("Content-Security-Policy"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := h.Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q, want no-store", got)
	}
	pages.SetHeaders(h, "http://127.0.0.1:7777")
	if got := h.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' http://127.0.0.1:7777;") {
		t.Errorf("got %q, want the form's target", got)
	}
}

func TestPagesNameTheirAssetsAndTheyAreServedForEver(t *testing.T) {
	p := render(t, pages.SignedOut{})
	paths := map[string]string{
		attr(p.one("link", "rel", "stylesheet"), "href"): "text/css; charset=utf-8",
		attr(p.one("link", "rel", "icon"), "href"):       "image/svg+xml",
		attr(p.one("script", "", ""), "src"):             "text/javascript; charset=utf-8",
	}
	for path, contentType := range paths {
		w := fetch(path)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: got %d with %d bytes", path, w.Code, w.Body.Len())
		}
		if got := w.Header().Get("Content-Type"); got != contentType {
			t.Errorf("%s: got type %q, want %q", path, got, contentType)
		}
		if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: got Cache-Control %q, want immutable", path, got)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{"/static/", "/static/style.css", "/static/0000000000000000/style.css", "/static/../page_test.go"} {
		if w := fetch(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

func TestTheScriptListensWhereEventsAreSent(t *testing.T) {
	script := fetch(attr(render(t, pages.SignedOut{}).one("script", "", ""), "src")).Body.String()
	if !strings.Contains(script, `"`+pages.EventsPath+`"`) {
		t.Errorf("the script doesn't listen at %s", pages.EventsPath)
	}
	for _, dangerous := range []string{"innerHTML", "eval(", "document.write"} {
		if strings.Contains(script, dangerous) {
			t.Errorf("the script uses %s", dangerous)
		}
	}
}

func fetch(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/static/", nil)
	r.URL.Path = path
	pages.Static().ServeHTTP(w, r)
	return w
}
