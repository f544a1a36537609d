package catalogue

import (
	"regexp"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

// Template finds a resource template by its URI template.
func (s *Snapshot) Template(e Endpoint, uri string) *Offer { return s.templates.find(e, uri) }

// Readable returns the pseudo-tool of a resource: of one that is listed, or
// of a URI that fits templates of one app and no other. nil: nobody can say
// whose it is.
func (k *Catalogue) Readable(e Endpoint, uri string) *ostiary.Tool {
	s := k.Now()
	if o := s.Resource(e, uri); o != nil {
		return o.Tool
	}
	if s.ambiguous[place{e, uri}] {
		return nil
	}
	owner := s.owner(e, uri)
	app, ok := k.App(owner)
	if !ok {
		return nil
	}
	return k.Resource(app, uri)
}

// owner is the one app that has a template which the URI fits; "" when there
// is none, or more than one.
func (s *Snapshot) owner(e Endpoint, uri string) string {
	if !oneSpelling(uri) {
		return ""
	}
	owner := ""
	for _, o := range s.Templates(e) {
		if o.pattern == nil || !o.pattern.MatchString(uri) {
			continue
		}
		if owner != "" && owner != o.Tool.App {
			return ""
		}
		owner = o.Tool.App
	}
	return owner
}

// readTemplate reads a resource whose name stands for many.
func readTemplate(a App, it upstream.Item) (*Offer, string) {
	o, why := pseudos("@resources/", templateForm)(a, it)
	if o != nil {
		o.pattern = pattern(it.Name)
	}
	return o, why
}

// What may stand for an expression (RFC 6570 section 3.2, by its operator):
// characters of a path's segment, and for + and / those of a path. No
// expression takes another part of the URI along: what a rule says of a
// resource would then hold for some ways to write it. Operators that bring
// their own prefix may bring nothing.
const segment = `[A-Za-z0-9._~!$&'()*+,;=:@%-]`

var expressions = map[byte]string{
	'+': `(?:[/\[\]]|` + segment + `)+`,
	'#': `(?:#(?:[/?]|` + segment + `)*)?`,
	'.': `(?:\.` + segment + `*)?`,
	'/': `(?:/` + segment + `*)*`,
	';': `(?:;` + segment + `*)?`,
	'?': `(?:\?(?:[/?]|` + segment + `)*)?`,
	'&': `(?:&(?:[/?]|` + segment + `)*)?`,
}

// pattern matches the URIs that a template can become; nil: it is no
// template of RFC 6570.
func pattern(template string) *regexp.Regexp {
	var p strings.Builder
	p.WriteByte('^')
	for rest := template; rest != ""; {
		literal, behind, found := strings.Cut(rest, "{")
		p.WriteString(regexp.QuoteMeta(literal))
		if !found {
			break
		}
		expression, behind, closed := strings.Cut(behind, "}")
		if !closed || expression == "" {
			return nil
		}
		value, ok := expressions[expression[0]]
		if !ok {
			value = segment + "+"
		}
		p.WriteString(value)
		rest = behind
	}
	p.WriteByte('$')
	re, err := regexp.Compile(p.String())
	if err != nil {
		return nil // larger than regexp takes
	}
	return re
}

// oneSpelling says whether a URI is written the one way that rules can name
// (RFC 3986 section 6.2.2): nothing escaped that needn't be, escapes in
// capitals, no dot segments, no empty ones. A listed resource is what its URI
// says to the byte; one that only fits a template could be had under another
// spelling that the app takes for the same.
func oneSpelling(uri string) bool {
	for i := range len(uri) {
		if uri[i] == '%' && !escaped(uri[i+1:]) {
			return false
		}
	}
	_, path, _ := strings.Cut(uri, ":")
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		_, path, _ = strings.Cut(rest, "/") // behind the authority
	} else {
		path = strings.TrimPrefix(path, "/")
	}
	path, _, _ = strings.Cut(path, "#")
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return false
		}
	}
	return true
}

// escaped says whether text begins with the two digits of an escape that is
// needed.
func escaped(text string) bool {
	const digits = "0123456789ABCDEF"
	if len(text) < 2 {
		return false
	}
	high, low := strings.IndexByte(digits, text[0]), strings.IndexByte(digits, text[1])
	if high < 0 || low < 0 {
		return false
	}
	c := byte(high<<4 | low)
	unreserved := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
	return !unreserved
}

// Same says whether two lists have the same entries.
func Same(a, b []*Offer) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].WireName != b[i].WireName || string(a[i].Listed) != string(b[i].Listed) {
			return false
		}
	}
	return true
}
