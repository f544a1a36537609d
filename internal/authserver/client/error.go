package client

import (
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/internal/netguard"
)

// An Error is a refusal that the client may hear, with its code of RFC 6749
// section 5.2 or RFC 7591 section 3.2.2. Whatever else goes wrong is a fault,
// which says nothing of the client.
type Error struct {
	Code        string
	Description string
}

// The codes.
const (
	CodeRequest  = "invalid_request"
	CodeClient   = "invalid_client"
	CodeMetadata = "invalid_client_metadata"
	CodeRedirect = "invalid_redirect_uri"
)

func (e *Error) Error() string { return e.Code + ": " + e.Description }

func badMetadata(format string, args ...any) error {
	return &Error{CodeMetadata, fmt.Sprintf(format, args...)}
}

func badRedirects(format string, args ...any) error {
	return &Error{CodeRedirect, fmt.Sprintf(format, args...)}
}

// Errors that are returned wrapped.
var (
	// ErrUnknown means that there is no client of an id (any more), or none that
	// is let in.
	ErrUnknown = errors.New("no such client")
	// ErrUnreachable means that nobody can say now what a client is: its metadata
	// document or its keys could not be fetched. It is no reason to take anything
	// from it.
	ErrUnreachable = errors.New("what a client publishes of itself can't be fetched now")
	// ErrDisabled means that clients don't register themselves here.
	ErrDisabled = errors.New("clients can't register themselves here")
	// ErrFull means that there are as many registered clients as there may be.
	ErrFull = errors.New("there are as many registered clients as there may be")
	// ErrStatic means that a client is the configuration's to take away.
	ErrStatic = errors.New("this client stands in the configuration")
)

// A DocumentError says what is wrong with what stands behind a client id, for
// who wrote it. It wraps ErrUnknown.
type DocumentError struct {
	Why string
	Err error // for the log
}

func (e *DocumentError) Error() string { return fmt.Sprintf("%v: %v", ErrUnknown, e.Err) }

// Unwrap returns ErrUnknown and the cause.
func (e *DocumentError) Unwrap() []error { return []error{ErrUnknown, e.Err} }

// noDocument words what was found for its writer, and nothing of where we can
// or can't go.
func noDocument(err error) error {
	var wrong *Error
	why := err.Error()
	switch {
	case errors.As(err, &wrong):
		why = wrong.Description
	case errors.Is(err, netguard.ErrRefused):
		why = "nothing is fetched from there"
	}
	return &DocumentError{Why: why, Err: err}
}

func badRequest(format string, args ...any) error {
	return &Error{CodeRequest, fmt.Sprintf(format, args...)}
}

// notIt refuses who isn't the client that it says it is.
func notIt(format string, args ...any) error {
	return &Error{CodeClient, fmt.Sprintf(format, args...)}
}
