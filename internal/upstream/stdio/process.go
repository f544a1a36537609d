package stdio

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// A process is a running child with our ends of its streams.
type process struct {
	cmd    *exec.Cmd
	in     *os.File // its standard input
	out    *os.File
	err    *os.File
	exited chan struct{} // closed once it is gone and result is set
	result error

	watchdog *Watchdog
	mu       sync.Mutex
	buried   bool // its id and that of its group may be another's
}

// start runs the command with the environment given and nothing else.
func start(command []string, env map[string]string, w *Watchdog) (*process, error) {
	w.ready()
	p := &process{cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{}), watchdog: w} //nolint:noctx // it outlives the call that starts it; Close ends it
	p.cmd.Env = environment(env)
	p.cmd.SysProcAttr = ownGroup()
	theirs, err := p.pipes()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go p.run(started)
	err = <-started
	closeAll(theirs)
	if err != nil {
		p.closeStreams()
		return nil, err
	}
	return p, nil
}

// environment is never nil: exec takes nil for everything that we have.
func environment(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// pipes makes the three streams. They are files on both sides, so that Wait
// waits for the process only, not for descendants that keep a stream open.
func (p *process) pipes() (theirs []*os.File, err error) {
	var in, out, errs *os.File
	in, p.in, err = os.Pipe()
	if err == nil {
		p.out, out, err = os.Pipe()
	}
	if err == nil {
		p.err, errs, err = os.Pipe()
	}
	theirs = []*os.File{in, out, errs}
	if err != nil {
		closeAll(theirs)
		p.closeStreams()
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, errs
	return theirs, nil
}

// run starts the process and waits for it on one locked thread: the kernel
// takes the end of the starting thread for the end of the parent.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	if err == nil {
		p.watchdog.began(p.cmd.Process.Pid)
	}
	started <- err
	if err != nil {
		return
	}
	if awaitEnd(p.cmd.Process.Pid) == nil {
		p.bury()
		p.result = p.cmd.Wait()
	} else { // the kernel can't wait so: for a moment the id is nobody's
		p.result = p.cmd.Wait()
		p.bury()
	}
	close(p.exited)
}

// bury ends the descendants that stayed behind, while the ended child still
// keeps its id, and with it that of the group, from being given to another.
func (p *process) bury() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.buried = true
	p.watchdog.ended(p.cmd.Process.Pid)
}

// signal reaches the whole process group, and the child even if it has left
// it. That they are gone already is fine.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buried {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	_ = p.cmd.Process.Signal(sig)
}

// ended says how the process ended. Ask after exited is closed.
func (p *process) ended() error {
	if p.result == nil {
		return errors.New("the child has ended")
	}
	return fmt.Errorf("the child has ended: %w", p.result)
}

// closeInput tells the child that nothing more will come, and ends a write
// that it doesn't take in.
func (p *process) closeInput() { _ = p.in.Close() }

func (p *process) closeStreams() { closeAll([]*os.File{p.in, p.out, p.err}) }

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
