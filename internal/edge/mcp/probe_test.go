package mcp_test

import (
	"net/http"
	"strings"
	"testing"
)

// What looks for an endpoint's authorization server sends nothing in particular.
func TestWhoComesWithoutATokenHearsThatFirst(t *testing.T) {
	h := newHouse(t)
	good := func(token string) note { return call(token, "crm__get_contact", `{"id":"1"}`) }
	for name, c := range map[string]struct {
		with   func(token string) note
		status int // of who has a token
	}{
		"an empty type": {func(token string) note { return good(token).saying("Content-Type", "") }, http.StatusUnsupportedMediaType},
		"a form": {func(token string) note {
			return good(token).saying("Content-Type", "application/x-www-form-urlencoded")
		}, http.StatusUnsupportedMediaType},
		"what isn't read": {func(token string) note { return good(token).saying("Accept", "text/html") }, http.StatusNotAcceptable},
	} {
		w := h.send(t, c.with(""))
		if challenge := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer resource_metadata=") {
			t.Errorf("%s, nobody: got %d %q", name, w.Code, challenge)
		}
		if w := h.send(t, c.with("alice")); w.Code != c.status {
			t.Errorf("%s, alice: got %d, want %d", name, w.Code, c.status)
		}
	}
}
