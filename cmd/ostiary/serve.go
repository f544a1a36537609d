package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type serveCommand struct {
	File string `short:"c" name:"config" placeholder:"FILE" type:"path" required:"" help:"The configuration file."`
}

// Run runs the gateway until it is told to stop; SIGHUP has it read its file
// again. What keeps it from starting
// is wrong configuration, exit code 2, or a database server that does not
// answer, 3.
func (c serveCommand) Run(p *program) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP) // also before anybody listens: unhandled, it ends the process
	defer signal.Stop(again)
	conf, err := p.load(c.File)
	if err != nil {
		return usage(err)
	}
	defer p.tune()()
	g, err := gateway.Open(p.ctx, conf, p.logger(conf.Logging))
	if err != nil {
		return starting(err)
	}
	g.ReloadOn(again, func(running *config.Config) (*config.Config, []string, error) { return running.Reload(c.File, p.env) })
	debug.FreeOSMemory() // hashing a password of the file took 64 MiB
	return g.Run(p.ctx, func(url string) { p.say("ready %s", url) })
}

// A gateway's live heap is small and what a call leaves behind is much, so
// memory is spent on speed: with gcPercent and ballast garbage is collected
// when there is twice as much of it as of the live heap and the ballast
// together, about 90 MiB for a small gateway. The ballast is never touched
// and costs no memory by itself; it spares a large gateway the large factor
// that a small one would need.
const (
	gcPercent = 200
	ballast   = 32 << 20 // bytes
)

// tune sets the garbage collector, and gives up what it set when stop is
// called. GOGC in the environment wins, and GOMEMLIMIT bounds it in any case.
func (p *program) tune() (stop func()) {
	if _, said := p.env("GOGC"); said {
		return func() {}
	}
	before := debug.SetGCPercent(gcPercent)
	untouched := make([]byte, ballast)
	return func() {
		runtime.KeepAlive(untouched)
		debug.SetGCPercent(before)
	}
}
