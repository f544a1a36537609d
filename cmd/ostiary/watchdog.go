package main

import (
	"os"
	"runtime"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

// A watchdogCommand is no command for people: the gateway starts it with its
// first stdio child.
type watchdogCommand struct{}

// Run listens to the gateway until that is gone.
func (watchdogCommand) Run(p *program) error { return gateway.Watch(p.stdin) }

// load reads a configuration for a gateway that runs in this process.
func (p *program) load(file string) (*config.Config, error) {
	conf, err := config.Load(file, p.env)
	if err == nil && len(p.self) > 0 {
		conf.Process.Watchdog = append(p.self, "watchdog")
	}
	return conf, err
}

// self starts this program again. On Linux the kernel's name for it is good
// also after an upgrade has replaced the file.
func self() []string {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe"}
	}
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path}
}
