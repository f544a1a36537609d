package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
)

// The exit codes.
const (
	exitDone        = 0
	exitNot         = 1 // the thing asked about does not hold
	exitUsage       = 2 // wrong usage or configuration
	exitUnreachable = 3 // could not reach what is needed
)

// A failure is an error with the exit code that it means.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(err error) error       { return &failure{exitUsage, err} }
func unreachable(err error) error { return &failure{exitUnreachable, err} }

// opening gives the exit code to why storage can't be opened: it is not there
// or does not answer, or else the configuration names what can't be used.
func opening(err error) error {
	if errors.Is(err, store.ErrMissing) || unanswered(err) {
		return unreachable(err)
	}
	return usage(err)
}

// starting does so for a gateway, to which a missing storage is no hindrance
// and a missing keyset is wrong configuration.
func starting(err error) error {
	if unanswered(err) {
		return unreachable(err)
	}
	return usage(err)
}

func unanswered(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op != "listen" || errors.Is(err, context.DeadlineExceeded)
}

// An output remembers the first write that went wrong: what could not be told
// was not done.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// end prints what went wrong and returns the exit code for it.
func (p *program) end(err error, out *output) int {
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err = unreachable(fmt.Errorf("not all could be told: %w", out.err))
	}
	if err == nil {
		return exitDone
	}
	p.warn("ostiary: %v", err)
	return codeOf(err)
}

func codeOf(err error) int {
	var f *failure
	var r *refused
	var problems config.Problems
	var network *net.OpError
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &r):
		return r.exit()
	case errors.As(err, &problems), mistaken(err):
		return exitUsage
	case errors.As(err, &network):
		return exitUnreachable
	default:
		return exitNot
	}
}

// mistakes are the domain's words for a value that can't be right, whatever
// is in storage.
var mistakes = []error{
	identity.ErrUserID, identity.ErrUserEmail, identity.ErrUserClaims, identity.ErrPassword, identity.ErrTokenName, identity.ErrTokenTier,
	identity.ErrTokenTTL, identity.ErrTokenShort, identity.ErrTokenEndless, identity.ErrTokenCIDR, approval.ErrReason,
}

func mistaken(err error) bool {
	return slices.ContainsFunc(mistakes, func(m error) bool { return errors.Is(err, m) })
}
