package testparts

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"
)

// Build returns the path of a command of this module, such as "cmd/ostiary",
// built from the source under test: without C, as it is shipped. Each command
// is built once a test binary and removed in Main or Around.
func Build(t testing.TB, command string) string {
	t.Helper()
	return built(t, "./"+command)
}

// built builds a package by its import path, or by its folder in this module.
func built(t testing.TB, command string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(command, sync.OnceValues(func() (string, error) { return build(command) }))
	binary, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("build %s: %v", command, err)
	}
	return binary
}

var builds sync.Map // package to func() (string, error)

func build(command string) (binary string, err error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "ostiary-build-")
	if err != nil {
		return "", err
	}
	shared.atEnd(func() { _ = os.RemoveAll(dir) })
	binary = filepath.Join(dir, path.Base(command))
	compile := exec.Command("go", "build", "-o", binary, command)
	compile.Dir, compile.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
}
