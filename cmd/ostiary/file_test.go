package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wantOnly wants a folder to hold one file with a text, or nothing.
func wantOnly(t *testing.T, dir, name, text string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if name == "" && len(entries) == 0 {
		return
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("the folder has %v; want %q", entries, name)
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != text || err != nil {
		t.Errorf("%s holds %q (%v); want %q", name, got, err, text)
	}
}

func TestAFileIsWholeOrAsItWas(t *testing.T) {
	half := func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, errors.New("the rest is missing"))
	}
	whole := func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	if err := writeWhole(path, half); err == nil {
		t.Error("half a file was no error")
	}
	wantOnly(t, dir, "", "")
	mustWrite(t, path, "old")
	if err := writeWhole(path, half); err == nil {
		t.Error("half a file was no error")
	}
	wantOnly(t, dir, "x.jsonl", "old")
	if err := writeWhole(path, whole); err != nil {
		t.Error(err)
	}
	wantOnly(t, dir, "x.jsonl", "whole")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v); want 0600", info.Mode(), err)
	}
}

func TestAFileStaysWhatItIs(t *testing.T) {
	whole := func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "real"), "old")
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(filepath.Join(dir, "link"), whole); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "real")); string(got) != "whole" || err != nil {
		t.Errorf("through a link: %q (%v)", got, err)
	}
	if _, err := os.Readlink(filepath.Join(dir, "link")); err != nil {
		t.Error("the link is none any more")
	}
	for path, code := range map[string]int{dir: exitUsage, filepath.Join(dir, "none", "x"): exitUsage, "/dev/null": exitDone, "/dev/full": exitUnreachable} {
		if _, err := os.Stat(path); strings.HasPrefix(path, "/dev") && err != nil {
			continue
		}
		err := writeWhole(path, whole)
		if got := codeOf(err); err == nil && code != exitDone || err != nil && got != code {
			t.Errorf("%s: got %v; want code %d", path, err, code)
		}
	}
	if info, err := os.Stat("/dev/null"); err == nil && info.Mode().IsRegular() {
		t.Error("/dev/null is a file now")
	}
}

// An export that breaks off leaves nothing that looks like one.
func TestAnExportThatBreaksOffLeavesNoFile(t *testing.T) {
	whole := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"ostiary":"audit export"}`)
		if !whole {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	defer s.Close()
	dir := t.TempDir()
	env := []string{"OSTIARY_URL=" + s.URL, "OSTIARY_TOKEN=ost_op_x"}
	export := func() ran { return tryIn(t, env, "", "audit", "export", "-o", filepath.Join(dir, "x.jsonl")) }
	if r := export(); r.code != exitUnreachable {
		t.Errorf("got %d, %s; want 3", r.code, r.err)
	}
	wantOnly(t, dir, "", "")
	whole = true
	if r := export(); r.code != 0 {
		t.Errorf("got %d, %s", r.code, r.err)
	}
	wantOnly(t, dir, "x.jsonl", "{\"ostiary\":\"audit export\"}\n")
}

// What goes to a terminal is shown there; what goes elsewhere is as it is.
func TestAnExportToATerminalIsShownNotObeyed(t *testing.T) {
	const line = "{\"tool\":\"a\u009b2J\u202e\"}\n"
	for screen, want := range map[bool]string{false: line, true: `{"tool":"a\u009b2J\u202e"}` + "\n"} {
		env := answering(t, 200, line)
		var out strings.Builder
		p := &program{ctx: t.Context(), stdout: &out, stderr: io.Discard, screen: screen, env: func(name string) (string, bool) {
			for _, s := range env {
				if v, ok := strings.CutPrefix(s, name+"="); ok {
					return v, true
				}
			}
			return "", false
		}}
		if code := p.run([]string{"audit", "export"}); code != 0 || out.String() != want {
			t.Errorf("screen %v: got %d, %q; want %q", screen, code, out.String(), want)
		}
	}
}
