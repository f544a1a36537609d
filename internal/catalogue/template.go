package catalogue

import (
	"strings"

	"github.com/ostiary/ostiary"
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
	owner := ""
	for _, o := range s.Templates(e) {
		if !fits(uri, o.Name) {
			continue
		}
		if owner != "" && owner != o.Tool.App {
			return ""
		}
		owner = o.Tool.App
	}
	return owner
}

// fits says whether a URI can come from a template (RFC 6570): what stands
// outside its expressions is there, in that order, and something for each
// expression between.
func fits(uri, template string) bool {
	literal, rest, ok := strings.Cut(template, "{")
	if !strings.HasPrefix(uri, literal) {
		return false
	}
	uri = uri[len(literal):]
	for ok {
		_, rest, ok = strings.Cut(rest, "}")
		if !ok {
			return false
		}
		literal, rest, ok = strings.Cut(rest, "{")
		if !ok {
			return len(uri) > len(literal) && strings.HasSuffix(uri, literal)
		}
		if uri == "" {
			return false
		}
		at := strings.Index(uri[1:], literal)
		if at < 0 {
			return false
		}
		uri = uri[1+at+len(literal):]
	}
	return uri == ""
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
