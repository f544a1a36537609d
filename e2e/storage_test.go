package e2e_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files are all files of the house's folder, with their modes and bytes.
func (h *house) files() map[string]string {
	h.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = info.Mode().String() + string(data)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// wantFiles wants the folder to be as it was, byte for byte.
func (h *house) wantFiles(before map[string]string) {
	h.t.Helper()
	now := h.files()
	for path, was := range before {
		if now[path] != was {
			h.t.Errorf("%s is not as it was", path)
		}
	}
	maps.DeleteFunc(now, func(path, _ string) bool { _, was := before[path]; return was })
	for path := range now {
		h.t.Errorf("%s was made", path)
	}
}

// Commands that act on storage, with arguments that are good.
var onStorage = map[string][]string{
	"users add":     {"users", "add", "dora", "--no-password"},
	"users list":    {"users", "list"},
	"users passwd":  {"users", "passwd", "carl"},
	"users disable": {"users", "disable", "carl"},
	"users delete":  {"users", "delete", "carl", "--yes"},
	"tokens create": {"tokens", "create", "--subject", "alice", "--name", "x", "--tier", "read"},
	"tokens list":   {"tokens", "list"},
	"tokens revoke": {"tokens", "revoke", "tok_X"},
	"tokens rotate": {"tokens", "rotate", "tok_X"},
	"grants list":   {"grants", "list"},
	"grants revoke": {"grants", "revoke", "grt_X"},
	"tools list":    {"tools", "list"},
	"tools accept":  {"tools", "accept", "a:b", "--digest", "sha256:" + strings.Repeat("1", 64)},
	"audit tail":    {"audit", "tail"},
	"audit export":  {"audit", "export"},
	"audit verify":  {"audit", "verify"},
	"keys list":     {"keys", "list"},
}

// first may make a storage, where neither database nor keyset is there.
var first = map[string]bool{"users add": true, "tokens create": true}

// A mistyped path is told, and does not look like an empty storage.
func TestCommandsMakeNothingWhereAStorageIsMissing(t *testing.T) {
	for what, args := range onStorage {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t, "", "")
			h.command("users", "add", "carl", "--no-password", "-c", h.file)
			h.replace(h.path("ostiary.db"), h.path("mistyped.db"))
			if what != "keys list" {
				h.wantMissing("mistyped.db", args)
			}
			h.replace(h.path("mistyped.db"), h.path("ostiary.db"))
			h.replace(h.path("ostiary.key"), h.path("mistyped.key"))
			h.wantMissing("mistyped.key", args)
			h.replace(h.path("ostiary.db"), h.path("mistyped.db"))
			if !first[what] {
				h.wantMissing("mistyped", args)
				return
			}
			if r := h.try("", nil, append(args, "-c", h.file)...); r.code != 0 || !strings.Contains(r.err, "mistyped.db") || !strings.Contains(r.err, "mistyped.key") {
				t.Errorf("got %d, %s%s; want it to make a first storage and to say so", r.code, r.out, r.err)
			}
		})
	}
}

func (h *house) wantMissing(name string, args []string) {
	h.t.Helper()
	before := h.files()
	r := h.try("a long password\n", nil, append(args, "-c", h.file)...)
	if r.code != 3 || !strings.Contains(r.err, h.path(name)) {
		h.t.Errorf("ostiary %v: got %d, %s%s; want 3, naming %s", args, r.code, r.out, r.err, h.path(name))
	}
	h.wantFiles(before)
}

// A keyset that is another storage's is wrong configuration, whichever
// command finds out.
func TestTheWrongKeysetIsWrongConfiguration(t *testing.T) {
	h := newHouse(t, "", "")
	h.command("users", "add", "carl", "--no-password", "-c", h.file)
	if err := os.Remove(h.path("ostiary.key")); err != nil {
		t.Fatal(err)
	}
	h.command("keys", "init", h.path("ostiary.key"))
	before := h.files()
	for what, args := range onStorage {
		want := 2
		if what == "keys list" {
			want = 0 // it opens no storage
		}
		if r := h.try("a long password\n", nil, append(args, "-c", h.file)...); r.code != want || want == 2 && !strings.Contains(r.err, h.path("ostiary.key")) {
			t.Errorf("ostiary %s: got %d, %s; want %d", what, r.code, r.err, want)
		}
	}
	if r := h.try("", nil, "serve", "-c", h.file); r.code != 2 {
		t.Errorf("ostiary serve: got %d, %s; want 2", r.code, r.err)
	}
	h.wantFiles(before)
}

func TestAStorageThatDoesNotAnswerIsUnreachable(t *testing.T) {
	h := newHouse(t, "", "")
	h.command("keys", "init", h.path("ostiary.key"))
	h.replaceLine("storage:", `storage: {url: "postgres://ostiary@`+freeAddress(t)+`/ostiary?sslmode=disable", key_file: "`+h.path("ostiary.key")+`"}`)
	for _, args := range [][]string{{"users", "list"}, {"audit", "verify"}, {"serve"}} {
		if r := h.try("", nil, append(args, "-c", h.file)...); r.code != 3 || !strings.Contains(r.err, "can't be reached") {
			t.Errorf("ostiary %v: got %d, %s; want 3", args, r.code, r.err)
		}
	}
}

func TestKeysAreTakenCareOf(t *testing.T) {
	h := newHouse(t, "", "")
	key := h.path("some.key")
	h.command("keys", "init", key)
	before := h.files()
	for what, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a keyset over another":    {[]string{"keys", "init", key}, 2, "never overwritten"},
		"a keyset in no folder":    {[]string{"keys", "init", h.path("none/x.key")}, 2, "none"},
		"no keyset named":          {[]string{"keys", "list"}, 2, "say which keyset"},
		"two keysets named":        {[]string{"keys", "list", key, "-c", h.file}, 2, "say which keyset"},
		"a keyset that is not":     {[]string{"keys", "list", h.path("none.key")}, 2, "none.key"},
		"what is no keyset":        {[]string{"keys", "list", h.file}, 2, "not a keyset"},
		"the keyset is not there":  {[]string{"keys", "list", "-c", h.file}, 3, h.path("ostiary.key")},
		"a configuration of other": {[]string{"keys", "list", "-c", key}, 2, key},
	} {
		if r := h.try("", nil, c.args...); r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: got %d, %s; want %d and %q", what, r.code, r.err, c.code, c.says)
		}
	}
	h.wantFiles(before)
	if r := h.try("", nil, "keys", "list", key); r.err != "" {
		t.Errorf("a keyset that only its owner reads: %s", r.err)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := h.try("", nil, "keys", "list", key); r.code != 0 || !strings.Contains(r.err, "chmod 600") || !strings.Contains(r.err, key) {
		t.Errorf("a keyset that others may read: %d, %s; want a warning", r.code, r.err)
	}
}

// Who may read the keyset may read everything: the gateway's log says so.
func TestServeWarnsOfAKeysetThatOthersMayRead(t *testing.T) {
	h := newHouse(t, "", "")
	h.start().stop()
	if strings.Contains(h.child.Output(), "chmod 600") {
		t.Errorf("warned of a keyset that only its owner reads:\n%s", h.child.Output())
	}
	if err := os.Chmod(h.path("ostiary.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	h.start().stop()
	if !strings.Contains(h.child.Output(), "chmod 600") {
		t.Errorf("no warning in\n%s", h.child.Output())
	}
}
