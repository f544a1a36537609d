package testparts

import (
	"os/exec"
	"syscall"
)

// dieWithParent gives cmd a process group of its own, so that its children
// can be ended with it, and has the kernel end it should the test binary die
// without cleaning up (a panic, a timeout, kill -9).
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
