package stdio_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/stdio"
)

// watched has a fleet whose children a watchdog watches over.
func watched(t *testing.T) (*upstream.Fleet, *stdio.Watchdog) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := stdio.NewWatchdog([]string{self, "watchdog"}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() { _ = w.Close() })
	fleet, _ := open(t, "plain", func(s *upstream.Spec, o *upstream.Options) {
		s.Env["PATH"] = "/usr/bin:/bin"
		o.Transports[upstream.Stdio] = stdio.Open(w)
	})
	return fleet, w
}

// watchdogs are the watchdog processes of this test.
func watchdogs(t *testing.T) (pids []int) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 5 && f[1] == fmt.Sprint(os.Getpid()) && f[2][0] != 'Z' && f[3] == "ostiary" && f[4] == "watchdog" {
			pids = append(pids, pid(t, f[0]))
		}
	}
	return pids
}

// theWatchdog waits for it: a process is seen before its arguments are.
func theWatchdog(t *testing.T) int {
	t.Helper()
	var pids []int
	await(t, func() bool { pids = watchdogs(t); return len(pids) > 0 })
	if len(pids) != 1 {
		t.Fatalf("got watchdogs %v, want one", pids)
	}
	return pids[0]
}

func TestOneWatchdogWatchesOverAllChildrenAndEndsWithClose(t *testing.T) {
	fleet, w := watched(t)
	call(t, fleet, alice, "pid", "{}")
	call(t, fleet, bob, "pid", "{}")
	dog := theWatchdog(t)
	if err := fleet.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(dog) {
		t.Error("the watchdog is there after Close")
	}
}

func TestWithoutAChildThereIsNoWatchdog(t *testing.T) {
	w := stdio.NewWatchdog([]string{"/does/not/exist"}, slog.New(slog.NewTextHandler(failing{t}, nil)))
	if pids := watchdogs(t); len(pids) != 0 {
		t.Errorf("got watchdogs %v, want none", pids)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

type failing struct{ t *testing.T }

func (f failing) Write(p []byte) (int, error) {
	f.t.Errorf("logged: %s", p)
	return len(p), nil
}

// Signals of a terminal and of who stops a service reach all its processes.
func TestAWatchdogOutlivesWhatAsksItToEnd(t *testing.T) {
	group := sleeping(t)
	dog, gateway := listening(t, group)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if err := dog.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	gateway.Close()
	if err := dog.Wait(); err != nil {
		t.Error(err)
	}
	awaitGone(t, group)
}

func TestAKilledWatchdogIsReplacedByOneThatKnowsAll(t *testing.T) {
	fleet, w := watched(t)
	grandchild := pid(t, call(t, fleet, alice, "grandchild", "{}"))
	dog := theWatchdog(t)
	if err := syscall.Kill(dog, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { pids := watchdogs(t); return len(pids) == 1 && pids[0] != dog })
	if gone(grandchild) {
		t.Fatal("what the child started ended with the watchdog")
	}
	if err := w.Close(); err != nil { // as the end of the gateway looks to it
		t.Fatal(err)
	}
	awaitGone(t, grandchild)
}

// Every case begins with a group that would live on.
func TestWhatIsLeftWhenTheGatewayDiesIsEnded(t *testing.T) {
	for more, want := range map[string]string{
		"":                       "ended",
		"over %d\n":              "left",
		"over 999999999\n":       "ended",
		"over %d":                "ended", // it was not said to the end
		"over %d\nbegun %[1]d\n": "ended",
		"begun at once\n":        "refused",
		"begun %d 1\n":           "refused",
		"begun 1\n":              "refused", // everybody
		"begun 0\n":              "refused", // its own group
		"begun -1\n":             "refused",
		"begin %d\n":             "refused",
		"begun 4294967298\n":     "refused",
	} {
		t.Run(more, func(t *testing.T) {
			group := sleeping(t)
			if strings.Contains(more, "%") {
				more = fmt.Sprintf(more, group)
			}
			err := watchdogOf(t, strings.NewReader(fmt.Sprintf("begun %d\n", group)+more)).Wait()
			if (err != nil) != (want == "refused") {
				t.Errorf("it ended with %v; the group should be %s", err, want)
			}
			if want == "ended" {
				awaitGone(t, group)
			} else if gone(group) {
				t.Error("the group was ended")
			}
		})
	}
}

func TestWhileTheGatewayLivesNothingIsEnded(t *testing.T) {
	group := sleeping(t)
	dog, gateway := listening(t, group)
	if gone(group) {
		t.Error("the group was ended while its gateway lives")
	}
	gateway.Close()
	if err := dog.Wait(); err != nil {
		t.Error(err)
	}
	awaitGone(t, group)
}

// listening is a watchdog that has been told of a group.
func listening(t *testing.T, group int) (dog *exec.Cmd, gateway *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close() })
	dog = watchdogOf(t, read)
	// More than fits into the pipe: so it has read the beginning.
	if _, err := fmt.Fprintf(write, "begun %d\n%s", group, strings.Repeat("over 999999999\n", 1<<14)); err != nil {
		t.Fatal(err)
	}
	return dog, write
}

// sleeping is a process group that ends with the test.
func sleeping(t *testing.T) (group int) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// watchdogOf runs one that is told what a gateway says until it dies.
func watchdogOf(t *testing.T, told io.Reader) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "watchdog")
	cmd.Stdin, cmd.Stderr = told, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if f, ok := told.(*os.File); ok {
		f.Close()
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}
