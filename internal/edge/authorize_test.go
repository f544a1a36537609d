package edge_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestNobodyIsSentToAStrangersAddressUnasked: what is wrong with a request is
// told to a client that registered itself once somebody has signed in, unless
// the answer stays on their computer.
func TestNobodyIsSentToAStrangersAddressUnasked(t *testing.T) {
	h := open(t)
	const evil = "https://evil.example/x"
	made := read[struct {
		ID string `json:"client_id"`
	}](h.send(nil, http.MethodPost, "/oauth/register", `{"client_name":"E","redirect_uris":["`+evil+`","`+back+`"]}`, "Content-Type", "application/json").want(http.StatusCreated))
	wrong := map[string]string{"scope": "bogus:x", "response_type": "token", "prompt": "none", "code_challenge_method": "plain"}
	for name, value := range wrong {
		path := asks("client_id", made.ID, "redirect_uri", evil, name, value)
		b := h.browser()
		to := b.get(path).want(http.StatusSeeOther).header.Get("Location")
		at, err := url.Parse(to)
		if err != nil || at.Path != "/login" || at.Query().Get("next") != path {
			t.Errorf("%s=%s: sent to %q, want to the sign-in and back", name, value, to)
		}
		b.signIn("alice")
		if q := b.get(path).sentBack(evil); q.Get("error") == "" {
			t.Errorf("%s=%s: got %v, want an error for who signed in", name, value, q)
		}
		if q := h.browser().get(asks("client_id", made.ID, "redirect_uri", back, name, value)).sentBack(back); q.Get("error") == "" {
			t.Errorf("%s=%s on this computer: got %v, want an error at once", name, value, q)
		}
	}
	set := h.browser().get(asks("client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "bogus")).sentBack("https://eu.acme.example/cb")
	if !strings.HasPrefix(set.Get("error"), "invalid_") {
		t.Errorf("a client of the operator's: got %v, want an error at once", set)
	}
}
