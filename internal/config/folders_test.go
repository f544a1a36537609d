package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// workshop is a folder to stand in, with folders, a file and links in it.
func workshop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, err := range []error{
		os.Mkdir("files", 0o700), os.MkdirAll("safe/deep", 0o700),
		os.WriteFile("notes.txt", nil, 0o600), os.WriteFile("safe/real.key", nil, 0o600),
		os.Symlink(".", "loop"), os.Symlink("../safe/real.key", "files/linked.key"), os.Symlink("safe", "vault"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFolderThatHoldsTheGatewaysFilesIsNotServed(t *testing.T) {
	here := workshop(t)
	const elsewhere = "sqlite::memory:"
	for _, c := range []struct {
		database, key, argument string
		want                    string // the files that are held; "": good
	}{
		{"sqlite:ostiary.db", "ostiary.key", ".", "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", here, "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", "/", "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", "--root=./", "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", "loop", "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", "files/..", "ostiary.key, ostiary.db"},
		{"sqlite:ostiary.db", "ostiary.key", "files", ""},
		{"sqlite:ostiary.db", "ostiary.key", "--root=files", ""},
		{"sqlite:ostiary.db", "ostiary.key", "notes.txt", ""},
		{"sqlite:ostiary.db", "ostiary.key", "not-there", ""},
		{"sqlite:files/o.db", "ostiary.key", "files", "files/o.db"},
		{"sqlite:files/../o.db", "safe/k", "files", ""},
		{"postgres://127.0.0.1/x", "safe/k", ".", "safe/k"},
		{"postgres://127.0.0.1/x", "safe/k", "files", ""},
		{elsewhere, "safe/deep/k", "safe", "safe/deep/k"},
		{elsewhere, "vault/deep/k", "safe", "vault/deep/k"},
		{elsewhere, "vault/deep/k", "vault", "vault/deep/k"},
		{elsewhere, "safe/real.key", "safe/deep", ""},
		{elsewhere, "files/linked.key", "files", "files/linked.key"},
		{elsewhere, "files/linked.key", "safe", "files/linked.key"},
	} {
		got := problemsOf(t, fmt.Sprintf("storage: {url: %q, key_file: %q}\napps: [{id: files, command: [server, -y, %q]}]", c.database, c.key, c.argument))
		want := fmt.Sprintf("ostiary.yaml:2: apps[0].command[2]: %q holds %s: an agent could read it; give the server a folder of its own", c.argument, c.want)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s, %s, serving %s: got %q, want %q", c.database, c.key, c.argument, got, c.want)
		}
	}
}

func TestAFolderThatHoldsTheConfigurationOrACertificateIsNotServed(t *testing.T) {
	workshop(t)
	const away = "storage: {url: 'sqlite::memory:', key_file: safe/k}\napps: [{id: files, command: [server, files]}]\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"beside both":     {"ostiary.yaml", away, ""},
		"the file itself": {"files/ostiary.yaml", away, "files/ostiary.yaml"},
		"the certificate": {"ostiary.yaml", away + "server: {tls: {cert_file: files/c.pem, key_file: files/k.pem}, public_url: 'https://a.example'}\n", "files/k.pem"},
	} {
		if err := os.WriteFile(c.file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(c.file, env)
		var problems config.Problems
		if errors.As(err, &problems) != (c.want != "") || c.want != "" && !strings.Contains(err.Error(), "holds "+c.want+":") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err := os.Remove(filepath.Clean(c.file)); err != nil {
			t.Fatal(err)
		}
	}
}

// The keyset of the environment lies in no folder.
func TestAKeysetOfTheEnvironmentIsHeldByNoFolder(t *testing.T) {
	workshop(t)
	const text = "storage: {url: 'sqlite::memory:'}\napps: [{id: files, command: [server, .]}]"
	for key, good := range map[string]bool{"": false, "a keyset": true} {
		_, err := config.Parse("o", []byte(text), func(name string) (string, bool) { return key, name == "OSTIARY_KEY" })
		if (err == nil) != good {
			t.Errorf("OSTIARY_KEY=%q: got %v", key, err)
		}
	}
}
