package oauth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// maxForm bounds a request's body in bytes.
const maxForm = 64 << 10

// A form is the parameters of a request's body. What stands in the address is
// none of it.
type form struct{ values url.Values }

// many are the parameters that may stand more than once.
var many = map[string]bool{"resource": true, "audience": true}

func invalid(what string) error {
	return visit.Refuse(http.StatusBadRequest, "invalid_request", "%s", what)
}

// readForm takes forms alone, in which every parameter stands once (RFC 6749
// section 3.2).
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || len(r.Header["Content-Type"]) > 1 {
		return form{}, invalid("send the parameters as application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return form{}, err
		}
		return form{}, invalid("the form can't be read")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && !many[name] {
			return form{}, invalid("a parameter stands more than once")
		}
	}
	return form{r.PostForm}, nil
}

func (f form) one(name string) string { return f.values.Get(name) }

// presented is what a request brings to prove which client sent it.
func presented(r *http.Request, f form) (client.Presented, error) {
	if len(r.Header["Authorization"]) > 1 {
		return client.Presented{}, invalid("the header Authorization stands more than once")
	}
	return client.Presented{
		Authorization: r.Header.Get("Authorization"), ID: f.one("client_id"), Secret: ostiary.Secret(f.one("client_secret")),
		AssertionType: f.one("client_assertion_type"), Assertion: ostiary.Secret(f.one("client_assertion")),
	}, nil
}

// authenticated reads a request and finds out which client sent it.
func (s *Server) authenticated(w http.ResponseWriter, r *http.Request) (form, client.Client, client.Method, error) {
	if err := s.take(s.tokens, r); err != nil {
		return form{}, client.Client{}, "", err
	}
	f, err := readForm(w, r)
	if err != nil {
		return form{}, client.Client{}, "", err
	}
	p, err := presented(r, f)
	if err != nil {
		return form{}, client.Client{}, "", err
	}
	c, method, err := s.Clients.Authenticate(r.Context(), p)
	return f, c, method, err
}
