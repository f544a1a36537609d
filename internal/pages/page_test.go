package pages_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ostiary/ostiary/internal/pages"
)

// preview keeps the sample pages and what they name, to look at them through
// any server of static files:
// go test ./internal/pages -run TestEverySampleIsAPage -args -preview DIR.
var preview = flag.String("preview", "", "folder to keep the sample pages in")

// A page is a rendered view, parsed.
type page struct {
	t    *testing.T
	text string
	root *html.Node
}

func render(t *testing.T, v pages.View) page {
	t.Helper()
	var b bytes.Buffer
	if err := pages.Render(&b, frameOf(v), v); err != nil {
		t.Fatalf("render %T: %v", v, err)
	}
	root, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatalf("parse %T: %v", v, err)
	}
	return page{t, b.String(), root}
}

// all returns the elements of a kind whose attribute has a value; with the
// attribute "" all of the kind.
func (p page) all(tag, attribute, value string) (found []*html.Node) {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != tag {
			continue
		}
		if attribute == "" || has(n, attribute) && attr(n, attribute) == value {
			found = append(found, n)
		}
	}
	return found
}

func (p page) one(tag, attribute, value string) *html.Node {
	p.t.Helper()
	found := p.all(tag, attribute, value)
	if len(found) != 1 {
		p.t.Fatalf("<%s %s=%q>: got %d, want 1", tag, attribute, value, len(found))
	}
	return found[0]
}

func (p page) words() string { return words(p.root) }

func (p page) wantWords(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.words(); !strings.Contains(got, w) {
			p.t.Errorf("page says %.2000q, want it to say %q", got, w)
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// words is the text of a node as it is read, with white space made one.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data == "dt" || d.Data == "dd" || d.Data == "p" || d.Data == "li":
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestEverySampleIsAPage(t *testing.T) {
	dir := *preview
	if dir == "" {
		dir = t.TempDir()
	}
	for name, view := range samples() {
		p := render(t, view)
		file := filepath.Join(dir, strings.ReplaceAll(strings.ToLower(name), " ", "-")+".html")
		if err := os.WriteFile(file, []byte(p.text), 0o600); err != nil {
			t.Fatalf("keep %s: %v", name, err)
		}
		p.keepAssets(dir)
		p.checkShape(name)
		p.checkNothingInline(name)
		p.checkLabels(name)
		p.checkForms(name)
	}
}

func (p page) keepAssets(dir string) {
	p.t.Helper()
	for _, asset := range []string{
		attr(p.one("link", "rel", "stylesheet"), "href"), attr(p.one("link", "rel", "icon"), "href"), attr(p.one("script", "", ""), "src"),
	} {
		file := filepath.Join(dir, filepath.FromSlash(asset))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			p.t.Fatalf("keep %s: %v", asset, err)
		}
		if err := os.WriteFile(file, fetch(asset).Body.Bytes(), 0o600); err != nil {
			p.t.Fatalf("keep %s: %v", asset, err)
		}
	}
}

func (p page) checkShape(name string) {
	p.t.Helper()
	for _, tag := range []string{"h1", "main", "header", "footer", "title"} {
		if got := len(p.all(tag, "", "")); got != 1 {
			p.t.Errorf("%s: got %d <%s>, want 1", name, got, tag)
		}
	}
	title := words(p.one("title", "", ""))
	if !strings.HasSuffix(title, " · Acme") || len(title) < len("x · Acme") {
		p.t.Errorf("%s: got title %q, want where one is and the instance", name, title)
	}
	if got := words(p.one("footer", "", "")); !strings.Contains(got, "Acme") {
		p.t.Errorf("%s: got footer %q, want the instance", name, got)
	}
	if got := attr(p.one("html", "", ""), "lang"); got != "en" {
		p.t.Errorf("%s: got lang %q, want en", name, got)
	}
	ids := map[string]bool{}
	for n := range p.root.Descendants() {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				p.t.Errorf("%s: id %q stands twice", name, id)
			}
			ids[id] = true
		}
	}
}

// The Content-Security-Policy would refuse it; a page must not need it.
func (p page) checkNothingInline(name string) {
	p.t.Helper()
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "style" || n.Data == "script" && n.FirstChild != nil || n.Data == "base" || n.Data == "iframe" {
			p.t.Errorf("%s: <%s> stands in the page", name, n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				p.t.Errorf("%s: <%s> has the attribute %s", name, n.Data, a.Key)
			}
			address := a.Key == "href" || a.Key == "src" || a.Key == "action"
			if name == "connected" && a.Key == "href" && n.Data == "a" && strings.HasPrefix(a.Val, "cursor:") {
				continue // back to the agent, as its person decided
			}
			if address && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
				p.t.Errorf("%s: %s=%q leads away", name, a.Key, a.Val)
			}
		}
	}
}

func (p page) checkLabels(name string) {
	p.t.Helper()
	for _, tag := range []string{"input", "select", "textarea"} {
		for _, n := range p.all(tag, "", "") {
			if attr(n, "type") == "hidden" {
				continue
			}
			if len(p.all("label", "for", attr(n, "id"))) != 1 {
				p.t.Errorf("%s: <%s name=%q> has no label", name, tag, attr(n, "name"))
			}
		}
	}
	for n := range p.root.Descendants() {
		for _, key := range []string{"aria-describedby", "aria-labelledby"} {
			if id := attr(n, key); id != "" && !strings.Contains(p.text, `id="`+id+`"`) {
				p.t.Errorf("%s: %s=%q names nothing", name, key, id)
			}
		}
	}
}

func (p page) checkForms(name string) {
	p.t.Helper()
	for _, form := range p.all("form", "", "") {
		if attr(form, "role") == "search" { // it changes nothing, and its address can be kept
			if attr(form, "method") != "get" || fields(form)["csrf"] != nil {
				p.t.Errorf("%s: the search form is no GET, or carries a token into an address", name)
			}
			continue
		}
		if attr(form, "method") != "post" {
			p.t.Errorf("%s: form to %s does not POST", name, attr(form, "action"))
		}
		if got := fields(form)["csrf"]; len(got) != 1 || got[0] != "csrf-of-bob" {
			p.t.Errorf("%s: form to %s: got csrf %q", name, attr(form, "action"), got)
		}
	}
}

// fields are the values of a form's inputs and buttons by name.
func fields(form *html.Node) map[string][]string {
	all := map[string][]string{}
	for n := range form.Descendants() {
		if name := attr(n, "name"); n.Type == html.ElementNode && name != "" {
			all[name] = append(all[name], attr(n, "value"))
		}
	}
	return all
}
