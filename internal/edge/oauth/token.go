package oauth

import (
	"net/http"
	"strings"
	"time"

	"github.com/ostiary/ostiary/internal/authserver/grants"
)

// A reply is the answer of the token endpoint (RFC 6749 section 5.1).
type reply struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Refresh   string `json:"refresh_token,omitempty"`
	Scope     string `json:"scope"`
}

// Token is POST /oauth/token.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) error {
	f, c, _, err := s.authenticated(w, r)
	if err != nil {
		return err
	}
	t, err := s.Grants.Token(r.Context(), &c, grants.Request{
		GrantType: f.one("grant_type"), Code: f.one("code"), RedirectURI: f.one("redirect_uri"), Verifier: f.one("code_verifier"),
		RefreshToken: f.one("refresh_token"), Scope: f.one("scope"), Resources: f.values["resource"],
	})
	if err != nil {
		return err
	}
	// What was given stands already; a client that is not kept as long would
	// only have to be connected anew, and each refresh tries again.
	if err := s.Clients.Used(r.Context(), c.ID, s.clock.Now().Add(s.RefreshTTL)); err != nil {
		s.Logger.Error("a client's use could not be written down", "client", c.ID, "error", err)
	}
	write(w, http.StatusOK, reply{
		Access: t.Access.Reveal(), Type: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second), Refresh: t.Refresh.Reveal(), Scope: strings.Join(t.Scopes, " "),
	})
	return nil
}
