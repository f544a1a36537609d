package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// standIn plays the gateway: it makes a token, and forwards to the upstream
// that its configuration names.
const standIn = `#!/bin/sh
case $1 in
tokens) echo '{"id":"pat_1","token":"ost_pat_x","expires_at":"2030-01-01T00:00:00Z"}' ;;
serve) exec %q proxy "$(sed -n 's|.*"url": "\(http.*\)/mcp".*|\1|p' "$3")" ;;
esac
`

func TestTheGatewaysAreMeasuredLikeTheProxy(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("ostiary", fmt.Appendf(nil, standIn, self), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = run(t.Context(), []string{
		"-ostiary", "ostiary", "-targets", "strict,proxy,relaxed",
		"-sizes", "64", "-also", "", "-connections", "2", "-rounds", "2", "-duration", "5ms", "-dir", ".",
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{relaxed, strict} {
		row := rowStarting(out.String(), "| 64 B | 2 | "+name+" |")
		if cells := strings.Split(row, " | "); len(cells) < 9 || cells[8] != "1" {
			t.Errorf("row of %s: got %q, want one upstream request a call", name, row)
		}
	}
}

func TestTheConfigurationIsYAMLWithSoManyRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := writeConfig(file, settings{t.TempDir(), "strict", "http://127.0.0.1:1", 1000, "a password"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Audit struct{ Durability string }
		Apps  []struct{ ID, URL string }
		Tools []struct{ Match string }
	}
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
	matches := make(map[string]bool)
	for _, rule := range got.Tools {
		matches[rule.Match] = true
	}
	if len(got.Tools) != 1000 || len(matches) != 1000 || !matches["bench:result"] {
		t.Errorf("rules: got %d, %d of them different, want 1000 with one for bench:result", len(got.Tools), len(matches))
	}
	if got.Audit.Durability != "strict" || got.Apps[0].URL != "http://127.0.0.1:1/mcp" {
		t.Errorf("got %+v and %+v, want strict and the upstream's URL", got.Audit, got.Apps)
	}
}

func TestATokenIsTakenFromNothingButJSONWithAToken(t *testing.T) {
	for _, out := range []string{`{}`, `token ost_pat_x`, ``} {
		binary := filepath.Join(t.TempDir(), "ostiary")
		if err := os.WriteFile(binary, fmt.Appendf(nil, "#!/bin/sh\necho '%s'\n", out), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := createToken(t.Context(), binary, "ostiary.yaml"); err == nil {
			t.Errorf("%q: got no error, want one", out)
		}
	}
}
