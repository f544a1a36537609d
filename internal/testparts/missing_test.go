package testparts

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAMissingPartNamesItselfAndItsInstallation(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := chromium()
	if !errors.Is(err, ErrMissing) {
		t.Fatalf("got %v, want an error wrapping ErrMissing", err)
	}
	for _, want := range []string{"chromium", "apt-get install chromium", "make parts"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestAMissingNodePackageFailsTheTest(t *testing.T) {
	asked := &fakeTest{TB: t}
	asked.run(func() { NodePackage(asked, "not-there") })
	if !strings.Contains(asked.fatal, "npm package not-there") || !strings.Contains(asked.fatal, installNode) {
		t.Errorf("got %q, want the package and %q", asked.fatal, installNode)
	}
}

func TestTheRepositoryIsFoundFromAPackage(t *testing.T) {
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "internal", "testparts")); err != nil {
		t.Error(err)
	}
}

// A fakeTest is asked in place of a test that must fail.
type fakeTest struct {
	testing.TB
	fatal string
}

func (f *fakeTest) Fatal(args ...any) {
	if err, ok := args[0].(error); ok {
		f.fatal = err.Error()
	}
	runtime.Goexit()
}

func (f *fakeTest) run(body func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		body()
	}()
	<-done
}
