//go:build unix && !linux

package stdio

import "syscall"

// ownGroup puts a child into a process group of its own, so that what it
// starts ends with it. Should the gateway die, its children learn of it by
// the end of their standard input.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
