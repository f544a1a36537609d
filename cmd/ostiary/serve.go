package main

import (
	"runtime/debug"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type serveCommand struct {
	File string `short:"c" name:"config" placeholder:"FILE" type:"path" required:"" help:"The configuration file."`
}

// Run runs the gateway until it is told to stop. What keeps it from starting
// is wrong configuration, exit code 2, or a database server that does not
// answer, 3.
func (c serveCommand) Run(p *program) error {
	conf, err := config.Load(c.File, p.env)
	if err != nil {
		return usage(err)
	}
	p.tune()
	g, err := gateway.Open(p.ctx, conf, p.logger(conf.Logging))
	if err != nil {
		return starting(err)
	}
	debug.FreeOSMemory() // hashing a password of the file took 64 MiB
	return g.Run(p.ctx, func(url string) { p.say("ready %s", url) })
}

// gcPercent spends memory on speed: a gateway's live heap is small and what a
// call leaves behind is much. GOGC in the environment wins, and GOMEMLIMIT
// bounds it in any case.
const gcPercent = 400

func (p *program) tune() {
	if _, said := p.env("GOGC"); !said {
		debug.SetGCPercent(gcPercent)
	}
}
