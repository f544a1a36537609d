package stdio_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAWatchdogHoldsNothingOfItsGateway(t *testing.T) {
	t.Setenv("OSTIARY_KEY", "must not leak")
	t.Chdir(t.TempDir())
	ours := []func() (io.Closer, error){
		func() (io.Closer, error) { return os.Create("ours") },
		func() (io.Closer, error) { return net.Listen("tcp", "127.0.0.1:0") },
	}
	before := files(t, "/proc/self/")
	for _, open := range ours {
		f, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	fleet, _ := watched(t)
	call(t, fleet, alice, "pid", "{}")
	dog := fmt.Sprintf("/proc/%d/", theWatchdog(t))
	for _, file := range files(t, dog) {
		if slices.Contains(files(t, "/proc/self/"), file) && !slices.Contains(before, file) {
			t.Errorf("it holds %s", file)
		}
	}
	if env, err := os.ReadFile(dog + "environ"); err != nil || len(env) != 0 {
		t.Errorf("environment: got %q, %v; want none", env, err)
	}
	if dir, err := os.Readlink(dog + "cwd"); err != nil || dir != "/" {
		t.Errorf("folder: got %q, %v; want /", dir, err)
	}
	if leader, err := getsid(theWatchdog(t)); err != nil || leader != theWatchdog(t) {
		t.Errorf("its session is %d, %v; want one of its own", leader, err)
	}
}

// files are those that a process holds open, but for the end of the pipe that
// the other holds.
func files(t *testing.T, of string) (names []string) {
	t.Helper()
	fds, err := filepath.Glob(of + "fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatalf("what a process holds open can't be read: %v", err)
	}
	for _, fd := range fds {
		if name, err := os.Readlink(fd); err == nil && !strings.HasSuffix(fd, "/0") && !strings.HasPrefix(name, "anon_inode:") {
			names = append(names, name)
		}
	}
	return names
}

func getsid(pid int) (int, error) {
	out, err := exec.Command("ps", "-o", "sess=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}
