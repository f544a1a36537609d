package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type auditCommands struct {
	Tail   auditTail   `cmd:"" help:"Show the newest entries, and with --follow those that come."`
	Export auditExport `cmd:"" help:"Write every entry as JSON lines, with the proofs to check them."`
	Verify auditVerify `cmd:"" help:"Recompute everything; exits 1 and says where the log breaks."`
}

// filter selects entries.
type filter struct {
	Subject  string `placeholder:"ID" help:"Only this person's."`
	Client   string `placeholder:"ID" help:"Only through this client."`
	Tool     string `placeholder:"APP:TOOL" help:"Only of this tool."`
	Decision string `help:"Only of this effect (pass, hold, deny) or reason."`
	CallID   string `name:"call-id" placeholder:"cal_…" help:"Only of this call."`
}

func (f filter) query() audit.Query {
	return audit.Query{
		Subject: ostiary.Subject(f.Subject), Client: ostiary.ClientID(f.Client), Tool: ostiary.ToolID(f.Tool),
		Decision: f.Decision, CallID: ostiary.CallID(f.CallID),
	}
}

func (f filter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"subject": f.Subject, "client": f.Client, "tool": f.Tool, "decision": f.Decision, "call_id": f.CallID} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

type auditTail struct {
	where
	filter
	Lines  int  `short:"n" default:"20" help:"How many."`
	Follow bool `short:"f" help:"Go on with those that come."`
	JSON   bool `name:"json" help:"Print each entry as a line of JSON."`
}

// A fetch returns the newest entries, newest first.
type fetch func(ctx context.Context, limit int) ([]audit.Entry, error)

func (c auditTail) Run(p *program) error {
	if c.File == "" {
		g, err := c.gateway(p)
		if err != nil {
			return err
		}
		return c.tail(p, g.entries(c.values()))
	}
	return p.reading(c.File, func(ctx context.Context, r *audit.Reader) error {
		return c.tail(p, func(ctx context.Context, limit int) ([]audit.Entry, error) {
			q := c.query()
			q.Limit = limit
			entries, _, err := r.Search(ctx, q)
			return entries, err
		})
	})
}

func (c *client) entries(v url.Values) fetch {
	return func(ctx context.Context, limit int) ([]audit.Entry, error) {
		v.Set("limit", fmt.Sprint(min(limit, 200)))
		var page struct{ Items []audit.Entry }
		err := c.do(ctx, http.MethodGet, "/audit?"+v.Encode(), nil, &page)
		return page.Items, err
	}
}

// follow is how often --follow looks for new entries.
const follow = 500 * time.Millisecond

func (c auditTail) tail(p *program, newest fetch) error {
	seen := map[string]uint64{} // by log: entries printed so far
	limit := c.Lines
	tick := time.NewTicker(follow)
	defer tick.Stop()
	for {
		entries, err := newest(p.ctx, limit)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(entries) {
			if e.Seq < seen[e.Log] {
				continue
			}
			seen[e.Log] = e.Seq + 1
			if err := c.print(p, e); err != nil {
				return err
			}
		}
		if !c.Follow {
			return nil
		}
		limit = 200
		select {
		case <-p.ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c auditTail) print(p *program, e audit.Entry) error {
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(e)
	}
	p.say("%s  %s  %s", when(e.Time), e.Kind, visible(audit.Sentence(e)))
	return nil
}

// reading opens the audit logs of a configuration's storage.
func (p *program) reading(file string, f func(context.Context, *audit.Reader) error) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return usage(err)
	}
	r, db, err := gateway.OpenReader(p.ctx, c)
	if err != nil {
		return unreachable(err)
	}
	return errors.Join(f(p.ctx, r), db.Close())
}

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

type auditVerify struct {
	File       string `short:"c" name:"config" placeholder:"FILE" type:"path" help:"Verify the storage of this configuration file."`
	Export     string `type:"path" placeholder:"FILE" help:"Verify this export; needs nothing else."`
	Checkpoint string `type:"path" placeholder:"FILE" help:"An earlier checkpoint, kept elsewhere, that the logs must still agree with."`
	PublicKey  string `name:"public-key" type:"path" placeholder:"FILE" help:"The key that must have signed; when left out, the export's or storage's own."`
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

func (c auditVerify) options() (audit.VerifyOptions, error) {
	var o audit.VerifyOptions
	if c.Checkpoint != "" {
		data, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return o, err
		}
		o.Checkpoints = data
	}
	if c.PublicKey == "" {
		return o, nil
	}
	data, err := os.ReadFile(c.PublicKey)
	if err != nil {
		return o, err
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
