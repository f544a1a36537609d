package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/uri"
)

// ErrRedirect means that answers to a client may not go to a URI. Whoever gets
// it shows a page, and sends nobody there.
var ErrRedirect = errors.New("is not a redirect URI of this client")

// Redirects are the places that answers to a client may go to. The zero value
// is nowhere.
type Redirects struct {
	// Loopback takes every loopback URI, whatever its port and path.
	Loopback bool
	// URIs are matched byte for byte, except that a loopback URI stands for every
	// port, and that a plugin's "https://*." stands for one label.
	URIs []string
}

// CheckRedirect says whether an answer may go to a URI, and takes it apart.
// Errors wrap ErrRedirect or uri.ErrForm.
func (c *Client) CheckRedirect(text string) (uri.URI, error) {
	u, err := uri.Parse(text)
	if err != nil {
		return uri.URI{}, err
	}
	rules := c.Kind.Rules()
	if name := answersIn(u); name != "" {
		return uri.URI{}, fmt.Errorf("%q %w: its own query has %s, which answers have", text, ErrRedirect, name)
	}
	known := func(registered string) bool { return reaches(registered, u, rules.anyLabel) }
	clear := u.Scheme == "http" && !u.Loopback()
	if !rules.redirects || clear || !(c.Redirects.Loopback && u.Loopback()) && !slices.ContainsFunc(c.Redirects.URIs, known) {
		return uri.URI{}, fmt.Errorf("%q %w", text, ErrRedirect)
	}
	return u, nil
}

// reaches says whether a registered URI stands for u.
func reaches(registered string, u uri.URI, anyLabel bool) bool {
	if registered == u.String() {
		return true
	}
	r, err := uri.Parse(registered)
	if err == nil {
		return r.Loopback() && u.Loopback() && r.Host == u.Host && r.Rest == u.Rest
	}
	return anyLabel && covers(registered, u)
}

// covers says whether a registered URI whose host begins with "*." stands for
// u: one label, all else byte for byte.
func covers(registered string, u uri.URI) bool {
	r, err := uri.ParsePattern(registered)
	if err != nil {
		return false
	}
	_, parent, ok := strings.Cut(u.Host, ".")
	return ok && u.Scheme == "https" && r.Host == uri.AnyLabel+parent && r.Port == u.Port && r.Rest == u.Rest
}

// check holds an operator's redirect URIs to what can ever match.
func (r Redirects) check(rules Rules) error {
	for _, text := range r.URIs {
		u, err := uri.Parse(text)
		if err != nil && rules.anyLabel {
			u, err = uri.ParsePattern(text)
		}
		if err != nil {
			return err
		}
		if u.Scheme == "http" && !u.Loopback() {
			return fmt.Errorf("%q %w: http is for loopback", text, uri.ErrForm)
		}
		if name := answersIn(u); name != "" {
			return fmt.Errorf("%q %w: its own query has %s, which answers have", text, uri.ErrForm, name)
		}
	}
	if some := r.Loopback || len(r.URIs) > 0; some != rules.redirects {
		return errors.New("redirect URIs are for agents, plugins and resource clients, which can't do without")
	}
	return nil
}

// answerNames are the parameters of answers (RFC 6749 section 4.1.2, RFC 9207).
var answerNames = []string{"code", "state", "iss", "error", "error_description", "error_uri"}

// answersIn is a parameter of answers that a URI's own query has; "": none. A
// client that finds it twice may take the one that anybody could write.
func answersIn(u uri.URI) string {
	_, query, _ := strings.Cut(u.Rest, "?")
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && slices.Contains(answerNames, strings.ToLower(plain)) {
			return strings.ToLower(plain)
		}
	}
	return ""
}
