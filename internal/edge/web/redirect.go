package web

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/internal/uri"
)

// answerURI is a redirect URI with the parameters of an answer merged into its
// own query. Every answer tells who gave it (RFC 9207).
func (s *Web) answerURI(redirect, state string, answer url.Values) string {
	if state != "" {
		answer.Set("state", state)
	}
	answer.Set("iss", s.PublicURL)
	before, query, has := strings.Cut(redirect, "?")
	if has && query != "" {
		query += "&"
	}
	return before + "?" + query + answer.Encode()
}

func (s *Web) refusalURI(redirect, state string, r refusal) string {
	return s.answerURI(redirect, state, url.Values{"error": {r.code}, "error_description": {r.description}})
}

// sendBack leads the browser to the agent. A program's own address may not be
// opened without a person's doing, so there a page holds it as a link.
func (s *Web) sendBack(w http.ResponseWriter, r *http.Request, v visit.Visitor, agent pages.Agent, to string, yes bool) error {
	if strings.HasPrefix(to, "https:") || strings.HasPrefix(to, "http:") {
		redirect(w, r, to)
		return nil
	}
	w.Header().Set("Refresh", "0; url="+to)
	return s.show(w, http.StatusOK, v, pages.Connected{Agent: agent, To: template.URL(to), Yes: yes}) //nolint:gosec // it is one of the client's redirect URIs, held to them byte for byte
}

// formTarget is the origin that the consent form ends up at, for the page's
// Content-Security-Policy. That has no form for addresses of IPv6 (CSP 3
// section 2.3.1), and Chromium passes over one: there it is the port alone.
func formTarget(redirect string) string {
	u, err := uri.Parse(redirect)
	switch {
	case err != nil:
		return "'self'"
	case u.Host == "":
		return u.Scheme + ":"
	case strings.HasPrefix(u.Host, "["):
		return u.Scheme + "://*:" + cmp.Or(u.Port, map[string]string{"http": "80", "https": "443"}[u.Scheme])
	case u.Port == "":
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + ":" + u.Port
}

func returnsTo(redirect string) pages.Returns {
	u, err := uri.Parse(redirect)
	switch {
	case err != nil:
		return pages.Returns{}
	case u.Loopback():
		return pages.Returns{Loopback: true}
	case u.Host == "":
		return pages.Returns{Scheme: u.Scheme}
	}
	return pages.Returns{Host: u.Host}
}
