package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type auditCommands struct {
	Tail   auditTail   `cmd:"" help:"Show the newest entries, and with --follow those that come."`
	Export auditExport `cmd:"" help:"Write every entry as JSON lines, with the proofs to check them."`
	Verify auditVerify `cmd:"" help:"Recompute everything; exits 1 and says where the log breaks."`
}

// reading opens the audit logs of a configuration's storage.
func (p *program) reading(file string, f func(context.Context, *audit.Reader) error) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return usage(err)
	}
	r, db, err := gateway.OpenReader(p.ctx, c, p.logger(c.Logging))
	if err != nil {
		return opening(err)
	}
	return errors.Join(f(p.ctx, r), db.Close())
}

type auditVerify struct {
	File       string `short:"c" name:"config" placeholder:"FILE" type:"path" help:"Verify the storage of this configuration file."`
	Export     string `type:"path" placeholder:"FILE" help:"Verify this export; needs nothing else."`
	Checkpoint string `type:"path" placeholder:"FILE" help:"An earlier checkpoint, kept elsewhere, that the logs must still agree with."`
	PublicKey  string `name:"public-key" type:"path" placeholder:"FILE" help:"The key that must have signed (verify -c FILE --json prints it); when left out, the export's or storage's own."`
	JSON       bool   `name:"json" help:"Print JSON."`
}

func (c auditVerify) Run(p *program) error {
	if (c.File == "") == (c.Export == "") {
		return usage(errors.New("say what to verify: -c FILE for a storage, or --export FILE"))
	}
	o, err := c.options()
	if err != nil {
		return usage(err)
	}
	var report audit.Report
	if c.Export != "" {
		report, err = verifyFile(p.ctx, c.Export, o)
	} else {
		err = p.reading(c.File, func(ctx context.Context, r *audit.Reader) (err error) {
			report, err = r.Verify(ctx, o)
			return err
		})
	}
	if err != nil {
		return err
	}
	return c.tell(p, report)
}

// options reads what the one who verifies brings along. A file that says
// nothing is refused: it would prove nothing, and look as if it did.
func (c auditVerify) options() (audit.VerifyOptions, error) {
	var o audit.VerifyOptions
	if c.Checkpoint != "" {
		data, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return o, fmt.Errorf("--checkpoint: %w", err)
		}
		if len(bytes.TrimSpace(data)) == 0 {
			return o, fmt.Errorf("--checkpoint: %s is empty", c.Checkpoint)
		}
		o.Checkpoints = data
	}
	if c.PublicKey == "" {
		return o, nil
	}
	data, err := os.ReadFile(c.PublicKey)
	if err != nil {
		return o, fmt.Errorf("--public-key: %w", err)
	}
	if _, err := audit.ParsePublicKey(string(data)); err != nil {
		return o, fmt.Errorf("--public-key: %s: %w", c.PublicKey, err)
	}
	o.PublicKey = string(data)
	return o, nil
}

func verifyFile(ctx context.Context, path string, o audit.VerifyOptions) (audit.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return audit.Report{}, usage(err)
	}
	defer f.Close()
	return audit.VerifyExport(ctx, f, o)
}

func (c auditVerify) tell(p *program, r audit.Report) error {
	if c.JSON {
		r.Logs, r.Problems = append([]audit.LogState{}, r.Logs...), append([]audit.Problem{}, r.Problems...)
		if err := printJSON(p.stdout, r); err != nil {
			return err
		}
	} else {
		for _, s := range r.Sentences() {
			p.say("%s", visible(s))
		}
	}
	if !r.OK() {
		return errors.New("the audit log does not hold")
	}
	return nil
}
