package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/ostiary/ostiary/internal/config"
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

// fail prints an error and returns the exit code for it.
func (p *program) fail(err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(p.stderr, "ostiary:", err)
	var f *failure
	var problems config.Problems
	var network *net.OpError
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &problems):
		return exitUsage
	case errors.As(err, &network):
		return exitUnreachable
	default:
		return exitNot
	}
}
