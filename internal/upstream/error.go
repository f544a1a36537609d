package upstream

import (
	"errors"
	"strings"
)

var (
	// ErrUnknownApp is returned for an app that the fleet doesn't have.
	ErrUnknownApp = errors.New("no such app")
	// ErrBusy is returned when all children of an app are at work.
	ErrBusy = errors.New("all connections are busy")
	// ErrClosed is returned once the fleet was closed.
	ErrClosed = errors.New("closed")
	// ErrSessionGone is what a link returns when the upstream answered that
	// it doesn't know the transport session, and so has executed nothing.
	ErrSessionGone = errors.New("the upstream has ended the session")
)

// An Error says that an upstream could not be asked, or did not answer what
// can be passed on. The text names the app and what was wrong; it may hold an
// excerpt of what the upstream said, but no header and no argument.
type Error struct {
	App string
	Op  string // what was being done: "connect", "tools/call"
	// Unsent is set only when it is proven that nothing of the message left
	// this process. The zero value is the careful one: it may have run.
	Unsent bool
	Status int // of the HTTP response; 0 when there was none
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.App, e.Op} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Unsent marks err as the reason why a message did not leave this process.
func Unsent(err error) error { return &Error{Unsent: true, Err: err} }

// NotSent reports whether err proves that the call never left this process,
// so that it has certainly not been executed. A nil err proves nothing.
func NotSent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unsent
}

// status finds the HTTP status in err, or 0.
func status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// fault names app and op on err, and keeps what it proves.
func fault(app, op string, err error) error {
	return &Error{App: app, Op: op, Unsent: NotSent(err), Status: status(err), Err: err}
}
