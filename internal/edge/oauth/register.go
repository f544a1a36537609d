package oauth

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// Register is POST /oauth/register (RFC 7591).
func (s *Server) Register(w http.ResponseWriter, r *http.Request) error {
	if err := s.take(s.registrations, r); err != nil {
		return err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(r.Header["Content-Type"]) > 1 {
		return invalid("send the client's metadata as application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, client.MaxRegistration))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return invalid("the body can't be read")
	}
	from := visit.Address(r.Context())
	answer, err := s.Clients.Register(r.Context(), body, visit.AddressKey(from), audit.Actor{IPClass: audit.IPClass(from)})
	if err != nil {
		return fmt.Errorf("register a client: %w", err)
	}
	write(w, http.StatusCreated, answer)
	return nil
}
