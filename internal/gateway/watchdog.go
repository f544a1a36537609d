package gateway

import (
	"io"

	"github.com/ostiary/ostiary/internal/upstream/stdio"
)

// watchdog is what ends the children of programs that are upstreams when this
// process is killed; nil where the process can't be started as one.
func watchdog(core *Core) *stdio.Watchdog {
	command := core.Config.Process.Watchdog
	if len(command) == 0 {
		return nil
	}
	return stdio.NewWatchdog(command, core.Logger)
}

// Watch is what a process does that was started with config.Process.Watchdog:
// it listens until told ends, and then ends the process groups that are left.
func Watch(told io.Reader) error { return stdio.Watch(told) }
