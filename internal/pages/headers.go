package pages

import (
	"net/http"
	"strings"
)

// SetHeaders sets what every page is sent with: its type, that nobody keeps
// it, and a Content-Security-Policy that lets nothing in but our own
// stylesheet and script. formTargets are origins, besides our own, that a
// form of the page may end up at through a redirect.
func SetHeaders(h http.Header, formTargets ...string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(formTargets))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // browsers without frame-ancestors
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not no-referrer: with it browsers send our own forms with Origin: null.
	h.Set("Referrer-Policy", "same-origin")
}

func policy(formTargets []string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"style-src 'self'",
		"script-src 'self'",
		"connect-src 'self'",
		"img-src 'self' data:",
		strings.Join(append([]string{"form-action 'self'"}, formTargets...), " "),
		"frame-ancestors 'none'",
		"base-uri 'none'",
	}, "; ")
}
