package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ostiary/ostiary/approval"
)

// Approvals are decided by people: these commands work with an operator
// token only, never on storage.
type approvalCommands struct {
	List    approvalList    `cmd:"" help:"List requests."`
	Show    approvalShow    `cmd:"" help:"Show one request with all its arguments."`
	Approve approvalApprove `cmd:"" help:"Say yes."`
	Deny    approvalDeny    `cmd:"" help:"Say no."`
	Watch   approvalWatch   `cmd:"" help:"A live inbox: answer requests as they come."`
}

type remote struct {
	URL string `name:"url" placeholder:"URL" help:"The gateway's public_url (or OSTIARY_URL). OSTIARY_TOKEN holds an operator token."`
}

func (r remote) gateway(p *program) (*client, error) { return where{URL: r.URL}.gateway(p) }

type approvalList struct {
	remote
	Status string `enum:"pending,approved,denied,expired" default:"pending" help:"pending, approved, denied or expired."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

func (c approvalList) Run(p *program) error {
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	requests, err := list[approval.Request](p.ctx, g, "/approvals", url.Values{"status": {c.Status}})
	if err != nil {
		return err
	}
	return printItems(p, c.JSON, requests, "ID TOOL SUBJECT SITE RISK ASKED ENDS", func(r approval.Request) []string {
		return []string{r.ID, string(r.Tool), string(r.Subject), orDash(string(r.Site)), string(r.Risk), when(r.CreatedAt), when(r.ExpiresAt)}
	})
}

type approvalShow struct {
	remote
	ID   string `arg:"" help:"The request (req_…)."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c approvalShow) Run(p *program) error {
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	var r approval.Request
	if err := g.do(p.ctx, http.MethodGet, "/approvals/"+url.PathEscape(c.ID), nil, &r); err != nil {
		return about(c.ID, err)
	}
	if c.JSON {
		return printJSON(p.stdout, r)
	}
	return p.show("", r)
}

// show prints everything that somebody must know to answer, under a mark.
func (p *program) show(mark string, r approval.Request) error {
	p.say("%s%s  %s", mark, visible(r.ID), visible(string(r.Status)))
	if r.Message != "" {
		p.say("  %s", visible(r.Message))
	}
	p.say("  %s, through %s%s, wants to call %s", visible(string(r.Subject)), visible(r.ClientName), unverified(r), visible(string(r.Tool)))
	if r.Site != "" {
		p.say("  in site %s", visible(string(r.Site)))
	}
	p.say("  %s, %s risk; ends %s", visible(r.Category), visible(string(r.Risk)), when(r.ExpiresAt))
	if r.ToolChanged != r.ToolDigest && r.ToolChanged.String() != (approval.Request{}).ToolDigest.String() {
		p.say("  the tool's definition has changed since the last yes: compare it on the page")
	}
	if err := p.showArguments(r.Arguments); err != nil {
		return err
	}
	p.say("  a yes may be: %s (default %s, at most %s)", visible(fmt.Sprint(r.Scopes)), visible(string(r.DefaultScope)), time.Duration(r.MaxTTL)*time.Second)
	for _, v := range r.Decisions {
		p.say("  %s: %s by %s%s", when(v.At), visible(v.Decision), visible(v.By.Identifier), because(v.Reason))
	}
	return nil
}

func (p *program) showArguments(raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("read the arguments: %w", err)
	}
	p.say("  arguments (the agent's words):")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		p.say("    %s = %s", visible(name), visible(string(members[name])))
	}
	return nil
}

func unverified(r approval.Request) string {
	if r.ClientVerified {
		return ""
	}
	return " (unverified)"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + visible(reason)
}

// An answer is the body of a decision.
type answer struct {
	Decision  string `json:"decision"`
	Scope     string `json:"scope,omitempty"`
	TTL       int64  `json:"ttl,omitempty"` // seconds
	AnyClient bool   `json:"any_client,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

func (c *client) decide(ctx context.Context, id string, a answer) (approval.Request, error) {
	var r approval.Request
	err := c.do(ctx, http.MethodPost, "/approvals/"+url.PathEscape(id)+"/decision", a, &r)
	return r, err
}

type approvalApprove struct {
	remote
	ID        string        `arg:"" help:"The request (req_…)."`
	Scope     string        `enum:",once,session,user,time_limited" default:"" help:"How far: once, session, user or time_limited; left out, the tool's default."`
	TTL       time.Duration `help:"How long, for time_limited."`
	AnyClient bool          `help:"For any of the person's agents."`
	Reason    string        `help:"Why."`
}

func (c approvalApprove) Run(p *program) error {
	a := answer{Decision: approval.Approve, Scope: c.Scope, AnyClient: c.AnyClient, Reason: c.Reason}
	if c.TTL != 0 {
		var err error
		if a.TTL, err = seconds(c.TTL); err != nil {
			return usage(fmt.Errorf("--ttl: %w", err))
		}
	}
	return c.answer(p, c.ID, a)
}

type approvalDeny struct {
	remote
	ID     string `arg:"" help:"The request (req_…)."`
	Block  bool   `help:"Also refuse the tool from now on, whatever the arguments."`
	Reason string `help:"Why; the agent sees it."`
}

func (c approvalDeny) Run(p *program) error {
	decision := approval.Deny
	if c.Block {
		decision = approval.Block
	}
	return c.answer(p, c.ID, answer{Decision: decision, Reason: c.Reason})
}

func (r remote) answer(p *program, id string, a answer) error {
	g, err := r.gateway(p)
	if err != nil {
		return err
	}
	request, err := g.decide(p.ctx, id, a)
	if err != nil {
		return about(id, err)
	}
	p.say("%s: %s", visible(request.ID), request.Status)
	return nil
}
