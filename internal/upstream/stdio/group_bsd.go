//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package stdio

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownGroup puts a child into a process group of its own, so that what it
// starts ends with it. Should the gateway die, its children learn of it by
// the end of their standard input, and by the watchdog.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd waits until a child of ours has ended, and leaves its id taken.
func awaitEnd(pid int) error {
	queue, err := unix.Kqueue()
	if err != nil {
		return fmt.Errorf("wait for the child: %w", err)
	}
	defer unix.Close(queue)
	ends, happened := make([]unix.Kevent_t, 1), make([]unix.Kevent_t, 1)
	unix.SetKevent(&ends[0], pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	ends[0].Fflags = unix.NOTE_EXIT
	for {
		_, err := unix.Kevent(queue, ends, happened, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err == nil && happened[0].Flags&unix.EV_ERROR != 0:
			return endedBefore(unix.Errno(happened[0].Data))
		default:
			return endedBefore(err)
		}
	}
}

// endedBefore makes nothing of the error that an ended process gives: it is
// not collected yet, and still can't be watched.
func endedBefore(err error) error {
	if err == nil || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("wait for the child: %w", err)
}
