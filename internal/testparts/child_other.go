//go:build unix && !linux

package testparts

import (
	"os/exec"
	"syscall"
)

// dieWithParent gives cmd a process group of its own, so that its children
// can be ended with it. Only Linux can also tie it to the life of the test
// binary.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
}
