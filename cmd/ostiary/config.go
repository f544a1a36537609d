package main

import (
	"fmt"

	"github.com/ostiary/ostiary/internal/config"
)

type configCommands struct {
	Init     configInit     `cmd:"" help:"Print a commented starter."`
	Validate configValidate `cmd:"" help:"Check a configuration file and report every problem."`
	Schema   configSchema   `cmd:"" help:"Print the JSON Schema of the file."`
}

type configInit struct{}

func (configInit) Run(p *program) error {
	_, err := p.stdout.Write(config.Starter())
	return err
}

type configValidate struct {
	File string `arg:"" type:"path" help:"The configuration file."`
}

func (c configValidate) Run(p *program) error {
	if _, err := config.Load(c.File, p.env); err != nil {
		return usage(err)
	}
	p.say("%s is good", c.File)
	return nil
}

type configSchema struct{}

func (configSchema) Run(p *program) error {
	_, err := fmt.Fprintf(p.stdout, "%s\n", config.Schema())
	return err
}
