package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ends are the ways in which a gateway may end.
var ends = map[string]func(*house){
	"kill -9":                       func(h *house) { h.child.Signal(syscall.SIGKILL) },
	"kill -9, and all of its group": func(h *house) { h.child.Kill() },
	"a stop":                        func(h *house) { h.stop() },
	"Ctrl-C":                        func(h *house) { _ = syscall.Kill(-h.child.Pid(), syscall.SIGINT) },
}

// TestWhatAProgramStartedEndsWithTheGateway: a program that is an upstream has
// started another, which doesn't care for the end of its input.
func TestWhatAProgramStartedEndsWithTheGateway(t *testing.T) {
	for way, end := range ends {
		t.Run(way, func(t *testing.T) {
			p := newParrot(t, legacy, "stdio")
			pids := t.TempDir() + "/pids"
			app := strings.Replace(p.app, "exec", "sleep 1000 & echo $! >> "+pids+"; exec", 1)
			h := newHouse(t, "", "\napps:\n  - {id: parrot, "+app+"}\n").start()
			left := numbers(t, pids)
			dog := h.watchdog()
			end(h)
			_ = h.child.Wait(t)
			if way == "a stop" && alive(dog) {
				t.Error("the watchdog outlived the stop")
			}
			for _, pid := range append(left, dog) {
				eventually(t, fmt.Sprintf("the end of process %d", pid), func() (string, bool) { return processes(), !alive(pid) })
			}
		})
	}
}

// A gateway without programs needs no watchdog.
func TestAGatewayWithoutProgramsHasNoWatchdog(t *testing.T) {
	h := newHouse(t, "", "\napps:\n  - {id: parrot, "+newParrot(t, legacy, "json").app+"}\n").start()
	if dogs := h.watchdogs(); len(dogs) != 0 {
		t.Errorf("got watchdogs %v, want none", dogs)
	}
}

// numbers reads a file of process ids. There is at least one.
func numbers(t *testing.T, file string) (pids []int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil || !alive(pid) {
			t.Fatalf("process %q: %v; want a living one", word, err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// watchdog is the one that the running gateway has.
func (h *house) watchdog() int {
	h.t.Helper()
	dogs := h.watchdogs()
	if len(dogs) != 1 {
		h.t.Fatalf("got watchdogs %v, want one:\n%s", dogs, processes())
	}
	return dogs[0]
}

func (h *house) watchdogs() (pids []int) {
	for line := range strings.Lines(processes()) {
		f := strings.Fields(line)
		if len(f) == 5 && f[1] == strconv.Itoa(h.child.Pid()) && f[3] == "ostiary" && f[4] == "watchdog" {
			pid, _ := strconv.Atoi(f[0])
			pids = append(pids, pid)
		}
	}
	return pids
}

// processes are all, each with its parent, state and command line.
func processes() string {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=,args=").CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// alive says whether a process is there; where nobody collects them, dead ones
// stay as zombies.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}
