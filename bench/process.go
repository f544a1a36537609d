package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startWait = time.Minute     // until a process must have said that it is ready
	stopWait  = 5 * time.Second // from being asked to stop to being killed
	logTail   = 2000            // bytes of a log that are shown

	// clockTicks is USER_HZ, in which Linux counts CPU time for everybody.
	clockTicks = 100
)

// process is a program started by the bench, and stopped by it.
type process struct {
	url    string // where it said that it is ready
	pid    int
	cancel context.CancelFunc
	ended  chan struct{}
}

// start starts a program and waits until it prints "ready URL". What it
// writes to standard error goes to a file in dir and is shown when it fails.
func start(ctx context.Context, dir, name, program string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()

	ctx, cancel := context.WithCancel(ctx)
	said := &announcement{url: make(chan string, 1)}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWait
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{pid: cmd.Process.Pid, cancel: cancel, ended: make(chan struct{})}
	go func() {
		// How it ended is of no interest: it is stopped by a signal, or its log tells.
		_ = cmd.Wait()
		close(p.ended)
	}()
	if err := p.await(ctx, said); err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w\n%s", name, err, tail(log.Name()))
	}
	return p, nil
}

func (p *process) await(ctx context.Context, said *announcement) error {
	timeout := time.NewTimer(startWait)
	defer timeout.Stop()
	select {
	case p.url = <-said.url:
		return nil
	case <-p.ended:
		return errors.New("it ended before it was ready")
	case <-timeout.C:
		return fmt.Errorf("not ready after %s", startWait)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop asks the process to end, kills it when it does not, and waits for it.
func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// cpu returns the CPU time the process has used so far; ok is false where
// the system does not tell.
func (p *process) cpu() (used time.Duration, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, false
	}
	return parseStat(string(stat))
}

// parseStat reads utime and stime, the 14th and 15th field of proc(5)'s stat.
// The second field, the name in parentheses, may itself hold spaces.
func parseStat(stat string) (used time.Duration, ok bool) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks, err1 == nil && err2 == nil
}

// announcement is a process's standard output: it waits for the first line
// "ready URL" and drops the rest.
type announcement struct {
	mu   sync.Mutex
	line []byte
	done bool
	url  chan string // holds one
}

func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for line := range bytes.Lines(p) {
		if a.done {
			break
		}
		a.line = append(a.line, line...)
		if bytes.HasSuffix(line, []byte("\n")) {
			a.read(string(bytes.TrimSpace(a.line)))
			a.line = nil
		}
	}
	return len(p), nil
}

func (a *announcement) read(line string) {
	if url, ok := strings.CutPrefix(line, "ready "); ok {
		a.url <- url
		a.done = true
	}
}

// tail returns the end of a log file, or nothing.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		_, _ = f.Seek(-logTail, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, logTail))
	return string(text)
}
