package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/ostiary/ostiary/audit"
)

type auditExport struct {
	where
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Where to write; standard output when left out."`
}

func (c auditExport) Run(p *program) error {
	if c.Output == "" {
		return c.export(p, p.stdout)
	}
	f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return usage(err)
	}
	return errors.Join(c.export(p, f), f.Close())
}

func (c auditExport) export(p *program, out io.Writer) error {
	w := bufio.NewWriterSize(out, 1<<16)
	write := func(ctx context.Context, r *audit.Reader) error { return r.Export(ctx, w, audit.Query{}) }
	if c.File != "" {
		return errors.Join(p.reading(c.File, write), w.Flush())
	}
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	body, err := g.open(p.ctx, http.MethodGet, "/audit/export", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return errors.Join(err, w.Flush())
}
