package main

import (
	"runtime"

	"github.com/ostiary/ostiary/internal/gateway"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c versionCommand) Run(p *program) error {
	if c.JSON {
		return printJSON(p.stdout, map[string]string{"version": gateway.Version(), "go": runtime.Version()})
	}
	p.say("ostiary %s (%s %s/%s)", gateway.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
