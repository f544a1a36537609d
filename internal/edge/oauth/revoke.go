package oauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
)

// Revoke is POST /oauth/revoke (RFC 7009): a client gives back a token of its
// own.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) error {
	f, c, _, err := s.authenticated(w, r)
	if err != nil {
		return err
	}
	if f.one("token") == "" {
		return invalid("token is missing")
	}
	if err := s.Grants.Revoke(r.Context(), &c, f.one("token")); err != nil {
		return err
	}
	write(w, http.StatusOK, struct{}{})
	return nil
}

// Introspect is POST /oauth/introspect (RFC 7662): introspectors ask about all
// tokens, other clients about their own. A public client can't prove who it is
// but by a token that it was given.
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) error {
	c, f, err := s.introspecting(w, r)
	if err != nil {
		return err
	}
	if f.one("token") == "" {
		return invalid("token is missing")
	}
	if bearer := bearerOf(r); bearer != "" && bearer != f.one("token") {
		// All installations of a program share its id: what one of them has is
		// none of another's.
		write(w, http.StatusOK, grants.Introspection{})
		return nil
	}
	answer, err := s.Grants.Introspect(r.Context(), &c, f.one("token"))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, answer)
	return nil
}

func (s *Server) introspecting(w http.ResponseWriter, r *http.Request) (client.Client, form, error) {
	if bearer := bearerOf(r); bearer != "" {
		return s.bearing(w, r, bearer)
	}
	f, c, method, err := s.authenticated(w, r)
	if err == nil && method == client.None {
		err = notIt("a public client gives client_id, and its access token as bearer")
	}
	return c, f, err
}

// bearerOf is the token that a request bears; "": none.
func bearerOf(r *http.Request) string {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return token
	}
	return ""
}

// bearing finds the public client that a token was issued to.
func (s *Server) bearing(w http.ResponseWriter, r *http.Request, token string) (client.Client, form, error) {
	if err := s.take(s.tokens, r); err != nil {
		return client.Client{}, form{}, err
	}
	f, err := readForm(w, r)
	if err != nil {
		return client.Client{}, form{}, err
	}
	c, err := s.Clients.Find(r.Context(), ostiary.ClientID(f.one("client_id")))
	if errors.Is(err, client.ErrUnknown) || err == nil && !c.Public() {
		return client.Client{}, form{}, notIt("client_id is no public client")
	}
	if err != nil {
		return client.Client{}, form{}, err
	}
	own, err := s.Grants.Introspect(r.Context(), &c, token)
	if err == nil && !own.Active {
		err = notIt("the bearer is no token of this client")
	}
	return c, f, err
}

func notIt(what string) error { return &client.Error{Code: client.CodeClient, Description: what} }
