package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// demoIn writes a demo's configuration into a folder.
func demoIn(t *testing.T, dir string) string {
	t.Helper()
	d := &demo{dir: dir, listen: "127.0.0.1:8080", password: "a password", crm: "http://127.0.0.1:1/mcp", notes: "http://127.0.0.1:2/mcp"}
	file, err := d.write()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestADemoTakesNoFolderOfSomebodyElse(t *testing.T) {
	for what, c := range map[string]struct {
		before func(dir string)
		names  string // in the refusal; "": it is free
	}{
		"an empty folder":    {func(string) {}, ""},
		"a folder of others": {func(dir string) { mustWrite(t, filepath.Join(dir, "notes.txt"), "x") }, ""},
		"a demo's":           {func(dir string) { demoIn(t, dir) }, ""},
		"a demo's, with data": {func(dir string) {
			demoIn(t, dir)
			mustWrite(t, filepath.Join(dir, "ostiary.db"), "x")
		}, ""},
		"a configuration":       {func(dir string) { mustWrite(t, filepath.Join(dir, "ostiary.yaml"), "apps: []\n") }, "ostiary.yaml"},
		"an empty one":          {func(dir string) { mustWrite(t, filepath.Join(dir, "ostiary.yaml"), "") }, "ostiary.yaml"},
		"a database":            {func(dir string) { mustWrite(t, filepath.Join(dir, "ostiary.db"), "x") }, "ostiary.db"},
		"a keyset":              {func(dir string) { mustWrite(t, filepath.Join(dir, "ostiary.key"), "x") }, "ostiary.key"},
		"a link into the void":  {func(dir string) { _ = os.Symlink("none", filepath.Join(dir, "ostiary.key")) }, "ostiary.key"},
		"a folder of that name": {func(dir string) { _ = os.Mkdir(filepath.Join(dir, "ostiary.yaml"), 0o700) }, "ostiary.yaml"},
		"a demo's, changed": {func(dir string) {
			file := demoIn(t, dir)
			text, _ := os.ReadFile(file)
			mustWrite(t, file, strings.Replace(string(text), "Ada", "Eve", 1)+"# mine\n")
		}, "ostiary.yaml"},
		"a demo's first line only": {func(dir string) {
			text, _ := os.ReadFile(demoIn(t, dir))
			first, _, _ := strings.Cut(string(text), "\n")
			mustWrite(t, filepath.Join(dir, "ostiary.yaml"), first+"\napps: []\n")
		}, "ostiary.yaml"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			c.before(dir)
			err := free(dir)
			if (err == nil) != (c.names == "") || err != nil && !strings.Contains(err.Error(), filepath.Join(dir, c.names)) {
				t.Errorf("got %v; want %q named", err, c.names)
			}
		})
	}
}

// The demo's configuration is good in every folder.
func TestADemoRunsInAnyFolder(t *testing.T) {
	for _, name := range []string{"plain", `quo"ted`, `back\slash`, "sp ace", "ü#: x"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(demoIn(t, dir), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := c.Storage.Path(), filepath.Join(dir, "ostiary.db"); got != want {
			t.Errorf("the database is %s; want %s", got, want)
		}
	}
}
