package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

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
	Lines  int  `short:"n" default:"20" help:"How many of those that are there; 0 is none."`
	Follow bool `short:"f" help:"Go on with those that come."`
	JSON   bool `name:"json" help:"Print each entry as a line of JSON."`
}

func (c auditTail) Run(p *program) error {
	if c.Lines < 0 {
		return usage(fmt.Errorf("--lines %d: say how many entries to show, 0 or more", c.Lines))
	}
	if c.File != "" {
		return p.reading(c.File, func(ctx context.Context, r *audit.Reader) error { return c.stored(ctx, p, r) })
	}
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	pages := g.entries(c.values())
	if c.Follow {
		return c.follow(p, &follower{pages: pages})
	}
	entries, err := pages.newest(p.ctx, c.Lines)
	if err != nil {
		return err
	}
	return c.print(p, entries...)
}

func (c auditTail) stored(ctx context.Context, p *program, r *audit.Reader) error {
	if !c.Follow {
		entries, err := r.Newest(ctx, c.query(), c.Lines)
		if err != nil {
			return err
		}
		return c.print(p, entries...)
	}
	for e, err := range r.Tail(ctx, c.query(), c.Lines) {
		if err != nil {
			return err
		}
		if err := c.print(p, e); err != nil {
			return err
		}
	}
	return nil
}

func (c auditTail) print(p *program, entries ...audit.Entry) error {
	for _, e := range entries {
		if err := c.printOne(p, e); err != nil {
			return err
		}
	}
	return nil
}

func (c auditTail) printOne(p *program, e audit.Entry) error {
	if c.JSON {
		return printLine(p.stdout, e)
	}
	return tell(p.stdout, "%s  %s  %s", when(e.Time), e.Kind, visible(audit.Sentence(e)))
}

// A pager returns a page of entries, newest first, and the cursor of the
// next, "" on the last.
type pager func(ctx context.Context, limit int, cursor string) (page []audit.Entry, next string, err error)

// pageSize is the most that the API puts on a page.
const pageSize = 200

func (c *client) entries(v url.Values) pager {
	return func(ctx context.Context, limit int, cursor string) ([]audit.Entry, string, error) {
		v.Set("limit", strconv.Itoa(limit))
		v.Del("cursor")
		if cursor != "" {
			v.Set("cursor", cursor)
		}
		var page struct {
			Items []audit.Entry
			Next  string
		}
		err := c.do(ctx, http.MethodGet, "/audit?"+v.Encode(), nil, &page)
		return page.Items, page.Next, err
	}
}

// newest returns the newest last entries, oldest first.
func (p pager) newest(ctx context.Context, last int) ([]audit.Entry, error) {
	all, err := p.back(ctx, min(last, pageSize), func(all []audit.Entry) bool { return len(all) >= last })
	all = all[:min(last, len(all))]
	slices.Reverse(all)
	return all, err
}

// back pages back until enough says so, or all was seen. It returns the
// entries newest first.
func (p pager) back(ctx context.Context, limit int, enough func([]audit.Entry) bool) ([]audit.Entry, error) {
	var all []audit.Entry
	for cursor := ""; ; {
		page, next, err := p(ctx, max(1, limit), cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" || enough(all) {
			return all, nil
		}
		cursor = next
	}
}
