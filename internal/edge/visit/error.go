package visit

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/store"
)

// An Error is an answer that refuses, as HTTP tells it. Code and Message are
// for the caller; Err is for the log and reaches nobody else.
type Error struct {
	Status     int
	Code       string
	Message    string
	RetryAfter time.Duration // zero: nothing is said about it
	SignIn     string        // where to sign in, on a page; "" leaves it out
	Err        error
}

// Refuse returns a refusal with a code and words for the caller.
func Refuse(status int, code, message string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(message, args...)}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NotFound is the answer for what is not there, and for what is somebody
// else's and not to be seen.
func NotFound() *Error {
	return Refuse(http.StatusNotFound, "not_found", "There is nothing here, or it is not yours to see.")
}

// Limited is the answer to too many tries.
func Limited(wait time.Duration) *Error {
	e := Refuse(http.StatusTooManyRequests, "rate_limited", "Too many tries. Wait a little, then try again.")
	e.RetryAfter = wait
	return e
}

// AsError finds the answer to an error. What nobody has words for is a fault
// of ours: storage that was changed from outside is an internal one, anything
// else means that something we need is out of reach. Neither is told to the
// caller.
func AsError(err error) *Error {
	var e *Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &tooLarge):
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("The body is over %d bytes.", tooLarge.Limit), Err: err}
	case errors.Is(err, store.ErrTampered):
		return Internal(err)
	default:
		return &Error{
			Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: 5 * time.Second,
			Message: "Something that Ostiary needs is out of reach, so nothing was done. Try again soon.", Err: err,
		}
	}
}

// Internal is the answer to a fault of ours.
func Internal(err error) *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "The fault is ours. Nothing was let through because of it.", Err: err}
}
