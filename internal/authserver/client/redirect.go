package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
// Errors wrap ErrRedirect or ErrURI.
func (c *Client) CheckRedirect(text string) (URI, error) {
	u, err := ParseURI(text)
	if err != nil {
		return URI{}, err
	}
	rules := c.Kind.Rules()
	known := func(registered string) bool { return reaches(registered, u, rules.anyLabel) }
	clear := u.Scheme == "http" && !u.Loopback()
	if !rules.redirects || clear || !(c.Redirects.Loopback && u.Loopback()) && !slices.ContainsFunc(c.Redirects.URIs, known) {
		return URI{}, fmt.Errorf("%q %w", text, ErrRedirect)
	}
	return u, nil
}

// reaches says whether a registered URI stands for u.
func reaches(registered string, u URI, anyLabel bool) bool {
	if registered == u.String() {
		return true
	}
	r, err := ParseURI(registered)
	if err == nil {
		return r.Loopback() && u.Loopback() && r.Host == u.Host && r.Rest == u.Rest
	}
	return anyLabel && covers(registered, u)
}

// covers says whether a registered URI whose host begins with "*." stands for
// u: one label, all else byte for byte.
func covers(registered string, u URI) bool {
	r, err := parsePattern(registered)
	if err != nil {
		return false
	}
	_, parent, ok := strings.Cut(u.Host, ".")
	return ok && u.Scheme == "https" && r.Host == anyone+parent && r.Port == u.Port && r.Rest == u.Rest
}

// anyone takes the place of the label that a "*" stands for.
const anyone = "x."

// parsePattern parses a URI whose host begins with "*.".
func parsePattern(text string) (URI, error) {
	rest, ok := strings.CutPrefix(text, "https://*.")
	if !ok {
		return URI{}, fmt.Errorf("%.200q %w", text, ErrURI)
	}
	u, err := ParseURI("https://" + anyone + rest)
	if err == nil && !strings.Contains(strings.TrimPrefix(u.Host, anyone), ".") {
		err = fmt.Errorf("%.200q %w: it would take every host below a top-level name", text, ErrURI)
	}
	return u, err
}

// check holds an operator's redirect URIs to what can ever match.
func (r Redirects) check(rules Rules) error {
	for _, text := range r.URIs {
		u, err := ParseURI(text)
		if err != nil && rules.anyLabel {
			u, err = parsePattern(text)
		}
		if err != nil {
			return err
		}
		if u.Scheme == "http" && !u.Loopback() {
			return fmt.Errorf("%q %w: http is for loopback", text, ErrURI)
		}
	}
	if some := r.Loopback || len(r.URIs) > 0; some != rules.redirects {
		return errors.New("redirect URIs are for agents, plugins and resource clients, which can't do without")
	}
	return nil
}
