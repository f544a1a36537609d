package testparts

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAChildIsAwaitedByWhatItPrints(t *testing.T) {
	child := Start(t, exec.Command("sh", "-c", "echo starting; echo ready http://[::1]:1; read forever"))
	if got, want := child.Await(t, "ready "), "http://[::1]:1"; got != want {
		t.Errorf("after ready: got %q, want %q", got, want)
	}
}

func TestAnUnfinishedLineIsNotTaken(t *testing.T) {
	if rest, ok := after("ready http://half", "ready "); ok {
		t.Errorf("got %q of a line without end, want none", rest)
	}
	if rest, _ := after("ready http://whole\r\n", "ready "); rest != "http://whole" {
		t.Errorf("got %q, want http://whole", rest)
	}
}

func TestAChildsExitIsToldToWhoWaits(t *testing.T) {
	err := Start(t, exec.Command("sh", "-c", "exit 3")).Wait(t)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("got %v, want exit status 3", err)
	}
}

func TestAKilledChildTakesItsChildrenAlong(t *testing.T) {
	child := Start(t, exec.Command("sh", "-c", "sleep 600 & echo pid $!; wait"))
	grandchild, err := strconv.Atoi(child.Await(t, "pid "))
	if err != nil {
		t.Fatal(err)
	}
	child.Kill()
	awaitGone(t, grandchild)
}

func TestAChildEndsWithTheTestBinary(t *testing.T) {
	if os.Getenv("TESTPARTS_DIES_EARLY") != "" {
		child := Start(t, exec.Command("sh", "-c", "echo up; read forever"))
		child.Await(t, "up")
		os.Stdout.WriteString("grandchild " + strconv.Itoa(child.Pid()) + "\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	again := exec.Command(os.Args[0], "-test.run=^TestAChildEndsWithTheTestBinary$", "-test.v")
	again.Env = append(os.Environ(), "TESTPARTS_DIES_EARLY=1")
	grandchild, err := strconv.Atoi(Start(t, again).Await(t, "grandchild "))
	if err != nil {
		t.Fatal(err)
	}
	awaitGone(t, grandchild)
}

// awaitGone waits until no process pid is left, or only its exit status. Who
// adopts it is told by the kernel, not us, so there is nothing to wait on.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for alive(pid) {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(fields, "Z")
}
