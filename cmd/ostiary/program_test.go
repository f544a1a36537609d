package main

import (
	"bytes"
	"strings"
	"testing"
)

// A ran is one finished command line.
type ran struct {
	code     int
	out, err string
}

// try runs a command line in this process. settings are the environment:
// "OSTIARY_TOKEN=…".
func try(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	return tryIn(t, nil, stdin, args...)
}

func tryIn(t *testing.T, settings []string, stdin string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{ctx: t.Context(), stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, env: func(name string) (string, bool) {
		for _, s := range settings {
			if value, ok := strings.CutPrefix(s, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}}
	code := p.run(args)
	return ran{code, out.String(), errs.String()}
}
