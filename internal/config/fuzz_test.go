package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// Whatever the file, Parse ends, and says of each problem where it is.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/contract.yaml", "testdata/defaults.yaml", "starter.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a]\n"))
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
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("no line or no message: %+v (of %d lines)", p, lines)
			}
		}
	})
}
