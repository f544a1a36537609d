package ostiary_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	proof    = regexp.MustCompile("`go test ([^`]+)`")
	testName = regexp.MustCompile(`(?m)^func (Test\w+)`)
)

// TestEveryProofOfTheREADMENamesTests holds the commands in the table of
// promises to tests that exist: one that runs nothing proves nothing.
func TestEveryProofOfTheREADMENamesTests(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := proof.FindAllStringSubmatch(string(page), -1)
	if len(commands) < 9 {
		t.Fatalf("found %d commands; the test looks in the wrong place", len(commands))
	}
	for _, c := range commands {
		packages, pattern, _ := strings.Cut(strings.ReplaceAll(c[1], `\|`, "|"), " -run ")
		for _, alternative := range strings.Split(strings.Trim(pattern, "'"), "|") {
			if !anyTest(t, strings.Fields(packages), alternative) {
				t.Errorf("go test %s: %q names no test", c[1], alternative)
			}
		}
	}
}

func anyTest(t *testing.T, packages []string, part string) bool {
	t.Helper()
	for _, p := range packages {
		files, err := filepath.Glob(filepath.Join(strings.TrimSuffix(p, "/..."), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range testName.FindAllStringSubmatch(string(source), -1) {
				if strings.Contains(name[1], part) {
					return true
				}
			}
		}
	}
	return false
}
