package stdio

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// revival is how long a watchdog that went away is left alone before another
// takes its place: one that can't live must not keep us busy.
const revival = time.Second

// A Watchdog is a process that lives beside ours and ends the process groups
// of children when ours dies without ending them itself (kill -9). It starts
// with the first child and ends with Close. All methods may be called
// concurrently, and do nothing on a nil Watchdog: nobody watches.
type Watchdog struct {
	command []string
	logger  *slog.Logger

	mu     sync.Mutex
	groups map[int]bool // of children, from their start until they may be another's
	dog    *dog         // nil: none is on watch
	closed bool
}

// A dog is one run of the process.
type dog struct {
	cmd  *exec.Cmd
	ear  io.WriteCloser // its standard input
	gone chan struct{}  // closed once it has ended
}

// NewWatchdog returns a Watchdog whose process is command. It calls [Watch]
// with its standard input and does nothing else.
func NewWatchdog(command []string, logger *slog.Logger) *Watchdog {
	return &Watchdog{command: command, logger: logger, groups: make(map[int]bool)}
}

// ready starts the process where none runs, so that it is there before the
// child that it is needed for.
func (w *Watchdog) ready() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
}

// began tells of a new process group.
func (w *Watchdog) began(group int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups[group] = true
	w.tell(begun, group)
}

// ended tells that nobody is left in a group. It is called before the id of the
// group can be given to another.
func (w *Watchdog) ended(group int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.groups, group)
	w.tell(over, group)
}

// start lets a process run that knows all groups. The caller holds the mutex.
func (w *Watchdog) start() {
	if w.dog != nil || w.closed {
		return
	}
	d, err := unleash(w.command)
	if err != nil {
		w.logger.Error("the watchdog could not be started; without it, what programs start may outlive a kill of the gateway", "error", err)
		time.AfterFunc(revival, w.revive)
		return
	}
	w.dog = d
	go w.follow(d)
	for _, group := range slices.Sorted(maps.Keys(w.groups)) {
		w.tell(begun, group)
	}
}

// unleash starts the process. It has nothing of ours, neither files, folder
// nor environment, and is in a session of its own: what ends us from a
// terminal does not reach it.
func unleash(command []string) (*dog, error) {
	d := &dog{cmd: exec.Command(command[0], command[1:]...), gone: make(chan struct{})} //nolint:noctx // it ends with its input
	d.cmd.Args[0] = "ostiary"                                                           // for who reads a list of processes
	d.cmd.Env, d.cmd.Dir = []string{}, "/"
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var err error
	if d.ear, err = d.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	return d, d.cmd.Start()
}

// tell writes one line. A process that doesn't listen is ended, and follow
// sees to the next. The caller holds the mutex.
func (w *Watchdog) tell(what string, group int) {
	if w.dog == nil {
		return
	}
	giveUp := time.AfterFunc(farewell, w.dog.kill)
	defer giveUp.Stop()
	if _, err := fmt.Fprintf(w.dog.ear, "%s %d\n", what, group); err != nil {
		w.dog.kill()
	}
}

func (d *dog) kill() { _ = d.cmd.Process.Kill() }

// follow waits for the end of a process and has another take its place.
func (w *Watchdog) follow(d *dog) {
	err := d.cmd.Wait()
	close(d.gone)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dog = nil
	if !w.closed {
		w.logger.Warn("the watchdog has ended before the gateway; another takes its place", "pid", d.cmd.Process.Pid, "error", err)
		time.AfterFunc(revival, w.revive)
	}
}

// revive starts a process where there is something to watch over. Otherwise
// the next child will.
func (w *Watchdog) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.groups) > 0 {
		w.start()
	}
}

// Close ends the process and waits for it. What children are left, it ends.
func (w *Watchdog) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	w.closed = true
	d := w.dog
	w.mu.Unlock()
	if d == nil {
		return nil
	}
	giveUp := time.AfterFunc(farewell, d.kill)
	defer giveUp.Stop()
	_ = d.ear.Close() // closed already where the process has just ended
	<-d.gone
	return nil
}
