package oauth

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A failure is an error answer of OAuth (RFC 6749 section 5.2, RFC 7591
// section 3.2.2).
type failure struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`

	status int
	retry  time.Duration
	cause  error // of a fault, for the log
}

// Fail answers with an error. What the caller can't help never says anything
// about a token or client: they throw away what they have when it does.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	if f.cause != nil {
		id := ostiary.NewID("cal")
		s.Logger.Error("an OAuth request failed", "call_id", id, "method", r.Method, "path", r.URL.Path, "error", f.cause)
		f.Description += " (" + id + ")"
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((f.retry+time.Second-1)/time.Second), 10))
	}
	if f.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="Ostiary"`)
	}
	write(w, f.status, f)
}

// later is how long to wait when something we need is out of reach.
const later = 5 * time.Second

func failureOf(err error) failure {
	var byClient *client.Error
	var byGrant *grants.Error
	switch {
	case errors.As(err, &byClient):
		return failure{Error: byClient.Code, Description: ascii(byClient.Description), status: statusOf(byClient.Code)}
	case errors.As(err, &byGrant):
		return failure{Error: byGrant.Code, Description: ascii(byGrant.Description), status: statusOf(byGrant.Code)}
	case errors.Is(err, client.ErrDisabled):
		return failure{Error: "access_denied", Description: "clients can't register themselves here; ask the operator for a client", status: http.StatusForbidden}
	case errors.Is(err, client.ErrFull):
		return failure{Error: "temporarily_unavailable", Description: "there are as many registered clients as there may be", status: http.StatusServiceUnavailable, retry: time.Minute}
	case errors.Is(err, client.ErrUnreachable):
		return failure{Error: "temporarily_unavailable", Description: "the client's metadata document can't be fetched now", status: http.StatusServiceUnavailable, retry: later}
	}
	return plain(visit.AsError(err))
}

// plain words an answer that HTTP has a status for.
func plain(e *visit.Error) failure {
	f := failure{Error: "invalid_request", Description: ascii(e.Message), status: e.Status, retry: e.RetryAfter}
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable:
		f.Error = "temporarily_unavailable"
	case e.Status >= http.StatusInternalServerError:
		f.Error = "server_error"
	}
	if e.Status >= http.StatusInternalServerError {
		f.cause = e
	}
	return f
}

func statusOf(code string) int {
	if code == client.CodeClient {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// ascii is a text as an error_description may hold it (RFC 6749 section 5.2).
func ascii(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			out[i] = '\''
		}
	}
	return string(out)
}
