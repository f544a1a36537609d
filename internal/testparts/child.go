package testparts

import (
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a part to come up or go down. It only
// decides how long a broken test hangs, never whether a working one passes.
const patience = 90 * time.Second

// A Child is a running process whose output is kept. Its methods may be
// called concurrently.
type Child struct {
	cmd    *exec.Cmd
	output transcript
	exited chan struct{} // closed once the process is gone and err is set
	err    error
}

// Start runs cmd in a process group of its own until the test ends, and then
// kills that group. What it wrote is logged when the test fails. Standard
// output and standard error are collected, except where cmd already names a
// writer for them.
func Start(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	child, err := start(cmd)
	if err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		child.Kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", strings.Join(cmd.Args, " "), child.Output())
		}
	})
	return child
}

func start(cmd *exec.Cmd) (*Child, error) {
	c := &Child{cmd: cmd, exited: make(chan struct{})}
	c.output.changed = make(chan struct{})
	if cmd.Stdout == nil {
		cmd.Stdout = &c.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &c.output
	}
	cmd.WaitDelay = patience // for descendants that keep the output open
	dieWithParent(cmd)
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// run starts the process and waits for it on one locked thread: the kernel
// counts the end of the starting thread as the end of the parent.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	close(c.exited)
}

// Pid returns the process id, which is also the id of its process group.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Output returns what the process wrote so far, both streams together.
func (c *Child) Output() string { return c.output.text() }

// Await waits for a line that holds mark and returns what follows mark on
// that line. It fails the test when the process ends before it wrote one.
func (c *Child) Await(t testing.TB, mark string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		changed := c.output.next()
		if rest, ok := after(c.Output(), mark); ok {
			return rest
		}
		select {
		case <-changed:
		case <-c.exited:
			if rest, ok := after(c.Output(), mark); ok {
				return rest
			}
			t.Fatalf("%s ended (%v) before it wrote %q; it wrote:\n%s", c.cmd.Path, c.err, mark, c.Output())
		case <-timeout:
			t.Fatalf("%s did not write %q within %v; it wrote:\n%s", c.cmd.Path, mark, patience, c.Output())
		}
	}
}

// after finds the first finished line of text that holds mark.
func after(text, mark string) (rest string, ok bool) {
	for line := range strings.Lines(text) {
		_, rest, ok := strings.Cut(line, mark)
		if ok && strings.HasSuffix(line, "\n") {
			return strings.TrimRight(rest, "\r\n"), true
		}
	}
	return "", false
}

// Signal sends sig to the process, not to its group. A process that is
// already gone is no error.
func (c *Child) Signal(sig syscall.Signal) {
	_ = c.cmd.Process.Signal(sig)
}

// Wait waits for the process to end by itself and returns its exit error; it
// fails the test when that takes too long.
func (c *Child) Wait(t testing.TB) error {
	t.Helper()
	select {
	case <-c.exited:
		return c.err
	case <-time.After(patience):
		t.Fatalf("%s did not end within %v; it wrote:\n%s", c.cmd.Path, patience, c.Output())
		return nil
	}
}

// Kill ends the process group at once (SIGKILL) and waits until the process
// is gone. Calling it again does no harm.
func (c *Child) Kill() {
	_ = syscall.Kill(-c.Pid(), syscall.SIGKILL)
	<-c.exited
}

// A transcript keeps what is written to it and tells who waits for more.
type transcript struct {
	mu      sync.Mutex
	written strings.Builder
	changed chan struct{} // closed and replaced at every write
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.written.Write(p)
}

func (o *transcript) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written.String()
}

func (o *transcript) next() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}
