package stdio

import "syscall"

// ownGroup puts a child into a process group of its own, so that what it
// starts ends with it, and has the kernel end it when the gateway dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
