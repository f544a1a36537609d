package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ostiary/ostiary/internal/config"
)

var environment = map[string]string{"SECRET": "hunter2hunter2", "LEVEL": "loud", "PIN": "1234567", "ANYWHERE": "loopback", "WAIT": "10s"}

func env(name string) (string, bool) {
	value, ok := environment[name]
	return value, ok
}

// Each archive in testdata holds small files. A comment "#! PATH: MESSAGE" stands
// on the line where that problem must be reported, and no other may be.
func TestABadFileIsRefusedWithEveryProblemOnItsLine(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("find archives: %v, %v", archives, err)
	}
	for _, archive := range archives {
		for name, text := range files(t, archive) {
			t.Run(filepath.Base(archive)+"/"+name, func(t *testing.T) {
				want := wanted(text)
				if len(want) == 0 {
					t.Fatal("the file says no problem")
				}
				if diff := cmp.Diff(want, problemsOf(t, text)); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func problemsOf(t *testing.T, text string) []string {
	t.Helper()
	_, err := config.Parse("ostiary.yaml", []byte(text), env)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("got %v, want config.Problems", err)
	}
	got := make([]string, len(problems))
	for i, p := range problems {
		got[i] = p.String()
	}
	return got
}

// wanted reads the comments; the problems of one line stand in the order of their
// paths.
func wanted(text string) []string {
	var want []string
	for i, line := range strings.Split(text, "\n") {
		_, comments, _ := strings.Cut(line, "#! ")
		for _, problem := range strings.Split(comments, " #! ") {
			if problem = strings.TrimSpace(problem); problem != "" {
				want = append(want, fmt.Sprintf("ostiary.yaml:%d: %s", i+1, problem))
			}
		}
	}
	return want
}

// files splits an archive at its "-- NAME --" lines.
func files(t *testing.T, archive string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, part := range strings.Split("\n"+string(data), "\n-- ")[1:] {
		name, text, ok := strings.Cut(part, " --\n")
		if _, twice := found[name]; !ok || twice {
			t.Fatalf("%s: bad or repeated file %q", archive, name)
		}
		found[name] = text
	}
	return found
}
