package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// storageOf writes a configuration with two apps and one person, over a fresh
// storage.
func storageOf(t *testing.T) (file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "ostiary.yaml")
	text := `storage: {url: "sqlite:` + filepath.Join(dir, "o.db") + `", key_file: "` + filepath.Join(dir, "o.key") + `"}
logging: {level: error}
auth: {users: [{id: alice}]}
apps: [{id: crm, url: "http://127.0.0.1:1/mcp"}, {id: files, url: "http://127.0.0.1:1/mcp"}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestATokenOpensWhatTheConfigurationHas(t *testing.T) {
	file := storageOf(t)
	n := 0
	create := func(args ...string) ran {
		n++
		return try(t, "", append([]string{"tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "t" + strings.Repeat("x", n)}, args...)...)
	}
	for _, good := range [][]string{
		{},
		{"--apps", "all", "--tools", "all"},
		{"--apps", "crm,files"},
		{"--apps", " crm , "},
		{"--tools", "crm:*"},
		{"--tools", "crm:get,files:*"},
		{"--tools", "crm:@resources/http://x/?q=*"},
		{"--tools", "crm:a:b"},
		{"--sites", "anything"},
		{"--ttl", "1h"},
		{"--cidrs", "10.0.0.0/8"},
	} {
		if r := create(good...); r.code != 0 {
			t.Errorf("%v: got %d, %s", good, r.code, r.err)
		}
	}
	for says, bad := range map[string][]string{
		`"billing"`: {"--apps", "billing"}, `"CRM"`: {"--apps", "crm,CRM"}, `"garbage"`: {"--tools", "garbage"}, `"billing:*"`: {"--tools", "billing:*"},
		`"crm:"`: {"--tools", "crm:"}, `"*"`: {"--tools", "*"}, `"crm"`: {"--tools", "crm"}, `"crm:get_*"`: {"--tools", "crm:get_*"}, `"crm,all"`: nil,
		"--ttl": {"--ttl", "soon"}, "can't live that long": {"--ttl", "900000h"}, "without an end": {"--ttl", "none"}, "--cidrs": {"--cidrs", "10.0.0.0"},
		"needs a name": {"--name", " "},
	} {
		if bad == nil {
			says, bad = `"all"`, []string{"--apps", "crm,all"}
		}
		if r := create(bad...); r.code != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%v: got %d, %s; want 2, naming %s", bad, r.code, r.err, says)
		}
	}
	if r := try(t, "", "tokens", "create", "-c", file, "--subject", "nobody", "--tier", "read", "--name", "x"); r.code != exitNot {
		t.Errorf("for nobody: got %d, %s; want 1", r.code, r.err)
	}
}

func TestAPersonsIdIsOneThatAConfigurationMayHave(t *testing.T) {
	file := storageOf(t)
	for _, id := range []string{"command-line", "corp|alice", " alice", "a\x1b", "", strings.Repeat("a", 200)} {
		if r := try(t, "no such password is asked for\n", "users", "add", "-c", file, "--", id); r.code != exitUsage {
			t.Errorf("users add %q: got %d, %s; want 2", id, r.code, r.err)
		}
	}
	for args, says := range map[string]string{"--email=a\nb": "email", "--claims=[]": "--claims", "--claims=x": "--claims"} {
		if r := try(t, "a long password\n", "users", "add", "dora", "-c", file, args); r.code != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("users add %q: got %d, %s; want 2 and %s", args, r.code, r.err, says)
		}
	}
	if r := try(t, "short\n", "users", "add", "dora", "-c", file); r.code != exitUsage {
		t.Errorf("a short password: got %d, %s; want 2", r.code, r.err)
	}
	if r := try(t, strings.Repeat("x", 5000)+"\n", "users", "add", "dora", "-c", file); r.code != exitUsage {
		t.Errorf("a password without end: got %d, %s; want 2", r.code, r.err)
	}
	if r := try(t, "eight ch\n", "users", "add", "dora", "-c", file); r.code != 0 {
		t.Errorf("dora: got %d, %s", r.code, r.err)
	}
}

// Who stands in the configuration file gets a password there.
func TestAConfiguredPersonsPasswordIsSetInTheFile(t *testing.T) {
	file := storageOf(t)
	if r := try(t, "", "tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "x"); r.code != 0 {
		t.Fatal(r.err)
	}
	for what, r := range map[string]ran{
		"on storage": try(t, "", "users", "passwd", "alice", "-c", file),
		"by gateway": tryIn(t, answering(t, 409, said("configured")), "a long password\n", "users", "passwd", "alice"),
	} {
		if r.code != exitNot || !strings.Contains(r.err, "ostiary users hash") || !strings.Contains(r.err, "password_hash of alice") {
			t.Errorf("%s: got %d, %s; want what to do", what, r.code, r.err)
		}
	}
	if r := try(t, "a long password\n", "users", "hash"); r.code != 0 || !strings.HasPrefix(r.out, "$argon2id$") {
		t.Errorf("users hash: %d, %s%s", r.code, r.out, r.err)
	}
}

func TestACommandActsOnOneThing(t *testing.T) {
	file := storageOf(t)
	if r := try(t, "", "tokens", "list", "-c", file, "--url", "http://127.0.0.1:1"); r.code != exitUsage || !strings.Contains(r.err, "either -c FILE") {
		t.Errorf("got %d, %s; want 2", r.code, r.err)
	}
	if r := try(t, "", "tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "x"); r.code != 0 {
		t.Fatal(r.err)
	}
	if r := try(t, "", "tokens", "list", "-c", file); r.code != 0 {
		t.Errorf("got %d, %s", r.code, r.err)
	}
}
