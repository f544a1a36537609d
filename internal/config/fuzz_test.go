package config_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/ostiary/ostiary/internal/config"
)

// Whatever the file, Parse ends, and says of each problem where it is.
func FuzzParse(f *testing.F) {
	f.Add(config.Starter()) // small seeds: large ones are minimised for minutes
	f.Add([]byte("auth: {users: [{id: a, claims: {n: 1.5}}], clients: [{id: b, kind: agent, redirect_uris: loopback}]}"))
	f.Add([]byte("server: {max_body: 1KiB, limits: {token: 1/s}, trusted_proxies: [::1/128]}"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("server: {tls: !x {a: 1}, <<: *b, limits: &c {token: 1, token: 2}}\n\"\\e[1m\": ~\n"))
	f.Add([]byte("tools: [{match: \"*a?\", approval: {max_ttl: ${X}}}]"))
	f.Add([]byte(strings.Repeat("[", 2000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f", data, nil)
		if err == nil {
			if c == nil || c.Server.PublicURL == nil {
				t.Fatal("a good file without a configuration")
			}
			return
		}
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) == 0 || c != nil {
			t.Fatalf("got %v, %v", c, err)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("no line or no message: %+v", p)
			}
			if strings.ContainsFunc(p.String(), func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Errorf("not printable: %q", p.String())
			}
		}
	})
}
