package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAClientIsToldWhereTheGatewayIs(t *testing.T) {
	file := storageOf(t)
	for want, args := range map[string][]string{
		`"url": "https://mcp.example/mcp"`:      {"claude-code", "--url", "https://mcp.example"},
		`"url": "https://mcp.example/base/mcp"`: {"cursor", "--url", "https://mcp.example/base/"},
		`"url": "https://mcp.example/crm/mcp"`:  {"vscode", "--url", "https://mcp.example", "--app", "crm"},
		`"url": "http://127.0.0.1:8080/mcp"`:    {"claude-code", "-c", file},
		`url = "https://mcp.example/mcp"`:       {"codex", "--url", "https://mcp.example"},
		`"Authorization": "Bearer ${MY_TOKEN}"`: {"claude-code", "--url", "https://mcp.example", "--token-env", "MY_TOKEN"},
		`"mine": {`:                             {"cursor", "--url", "https://mcp.example", "--name", "mine"},
	} {
		if r := try(t, "", append([]string{"connect"}, args...)...); r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%v: got %d, %s%s; want %s", args, r.code, r.out, r.err, want)
		}
	}
	for says, args := range map[string][]string{
		"no client that we know": {"emacs", "--url", "https://mcp.example"},
		"no name for a server":   {"cursor", "--url", "https://mcp.example", "--name", "a b"},
		"environment variable":   {"cursor", "--url", "https://mcp.example", "--token-env", "a b"},
		"say which gateway":      {"cursor"},
		"public_url":             {"cursor", "--url", "mcp.example"},
		"is no app":              {"cursor", "-c", file, "--app", "crm"}, // not standalone
		"has no file of its own": {"mcp-remote", "--url", "https://mcp.example", "--write"},
		"HOME is not set":        {"codex", "--url", "https://mcp.example", "--write"},
	} {
		if r := try(t, "", append([]string{"connect"}, args...)...); r.code != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%v: got %d, %s; want 2 and %q", args, r.code, r.err, says)
		}
	}
}

func TestAClientsFileGetsOneMoreServer(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	run := func(args ...string) ran {
		return tryIn(t, []string{"HOME=" + home}, "", append([]string{"connect", "--url", "https://mcp.example", "--write"}, args...)...)
	}
	for client, path := range map[string]string{
		"claude-code": ".mcp.json", "cursor": ".cursor/mcp.json", "vscode": ".vscode/mcp.json", "codex": ".codex/config.toml",
	} {
		for i := range 2 {
			if r := run(client); r.code != 0 {
				t.Fatalf("%s, time %d: got %d, %s", client, i+1, r.code, r.err)
			}
		}
		text, err := os.ReadFile(filepath.Join(home, path))
		if err != nil || strings.Count(string(text), "https://mcp.example/mcp") != 1 {
			t.Errorf("%s: got %s, error %v; want the server once", client, text, err)
		}
	}
	for path, want := range map[string]os.FileMode{".mcp.json": 0o644, ".cursor/mcp.json": 0o600, ".vscode/mcp.json": 0o400} {
		client := map[string]string{".mcp.json": "claude-code", ".cursor/mcp.json": "cursor", ".vscode/mcp.json": "vscode"}[path]
		if err := errors.Join(os.WriteFile(path, []byte("{}\n"), 0o600), os.Chmod(path, want)); err != nil {
			t.Fatal(err)
		}
		r := run(client)
		info, err := os.Stat(path)
		if r.code != 0 || err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %d, %s, mode %v, error %v; want mode %v kept", path, r.code, r.err, info.Mode(), err, want)
		}
	}
	theirs := filepath.Join(home, "desktop.json")
	if err := os.WriteFile(theirs, []byte(`{"mcpServers":{"other":{"command":"x"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run("mcp-remote", "--to", theirs); r.code != 0 {
		t.Errorf("got %d, %s", r.code, r.err)
	}
	before, _ := os.ReadFile(theirs)
	if !strings.Contains(string(before), `"other":{"command":"x"}`) || !strings.Contains(string(before), "mcp-remote") {
		t.Errorf("got %s; want both servers", before)
	}
	if r := run("mcp-remote", "--to", theirs, "--app", "crm"); r.code != exitNot || !strings.Contains(r.err, "another server") {
		t.Errorf("another of that name: got %d, %s; want 1", r.code, r.err)
	}
	if after, _ := os.ReadFile(theirs); string(after) != string(before) {
		t.Errorf("got %s; want the file as it was", after)
	}
}
