package ostiary_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	decisionFile = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)
	decisionLink = regexp.MustCompile(`\[(\d{4})\]\((?:[a-z./]*/)?(\d{4})-[a-z0-9-]+\.md\)`)
)

func TestADecisionHasANumberOfItsOwn(t *testing.T) {
	files, err := filepath.Glob("docs/decisions/*.md")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d decisions, error %v", len(files), err)
	}
	owner := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		number := decisionFile.FindStringSubmatch(name)
		if number == nil {
			if name != "README.md" && name != "template.md" {
				t.Errorf("%s: want a name like 0007-what-was-decided.md", file)
			}
			continue
		}
		if owner[number[1]] != "" {
			t.Errorf("%s and %s have the same number", owner[number[1]], name)
		}
		owner[number[1]] = name
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), "# "+number[1]+". ") {
			t.Errorf("%s: want the number at the beginning of its heading, error %v", file, err)
		}
	}
	checkDecisionLinks(t)
}

// checkDecisionLinks holds what a link says to where it leads; that it leads
// somewhere is checked with all links.
func checkDecisionLinks(t *testing.T) {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range decisionLink.FindAllStringSubmatch(string(text), -1) {
			if link[1] != link[2] {
				t.Errorf("%s: the link %s leads to %s", page, link[1], link[2])
			}
			if found, err := filepath.Glob("docs/decisions/" + link[2] + "-*.md"); err != nil || len(found) != 1 {
				t.Errorf("%s: there is no decision %s", page, link[2])
			}
		}
	}
}
