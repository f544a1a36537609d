package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ostiary/ostiary/audit"
)

type auditExport struct {
	where
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Where to write; standard output when left out. The file appears when it is whole."`
}

func (c auditExport) Run(p *program) error {
	if c.Output != "" {
		return writeWhole(c.Output, func(w io.Writer) error { return c.export(p, w) })
	}
	if p.screen {
		return c.export(p, &plainWriter{Writer: p.stdout})
	}
	return c.export(p, p.stdout)
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
	if _, err := io.Copy(w, body); err != nil {
		return unreachable(fmt.Errorf("read the export: %w", err))
	}
	return w.Flush()
}
