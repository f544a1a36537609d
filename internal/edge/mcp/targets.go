package mcp

import (
	"context"
	"errors"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

// A target is what a question is about, once it was found.
type target struct {
	tool      *ostiary.Tool // a tool, or the pseudo-tool of a resource or prompt
	arguments []byte        // what the gates decide on
	name      string        // the upstream's own; "" where it is what the client sent
	at        []string      // where in params the name stands
	carry     carrier       // what is done once it is let through; nil: it is passed on
	wrong     *answer       // to a call that is wrong whoever makes it; nil: it is not
}

// A carrier does what was let through.
type carrier = func(*question, context.Context, target, guard.Answer) answer

// Where names stand in params.
var (
	byName = []string{"name"}
	byRef  = []string{"ref", "name"}
)

func (q *question) callTool(ctx context.Context) answer {
	o := q.config.Catalogue.Now().Tool(q.endpoint, q.m.Name)
	if o == nil {
		return q.unknown()
	}
	t := target{tool: o.Tool, arguments: q.m.Arguments, name: o.Name, at: byName}
	if err := q.checkArguments(o); err != nil {
		a := q.malformed(q.m.ID, err)
		t.wrong = &a
	}
	return q.through(ctx, t)
}

// checkArguments refuses names that only look like those that count, and
// headers that don't repeat the arguments that they should.
func (q *question) checkArguments(o *catalogue.Offer) error {
	if err := wire.CheckTwins(q.m.Arguments, o.Known); err != nil || !q.stateless() {
		return inArguments(err)
	}
	for _, m := range o.Mirrors {
		if !m.Agrees(q.m.Params, q.values(m.Header())) {
			return &wire.HeaderError{Code: wire.CodeHeaderMismatch, Header: m.Header(), Detail: "does not repeat the argument that it should"}
		}
	}
	return nil
}

// inArguments tells where in the message it is what was found in the
// arguments, as of all that is found in messages.
func inArguments(err error) error {
	var e *wire.ParseError
	if !errors.As(err, &e) {
		return err
	}
	whole := *e
	whole.Path = "$.params.arguments" + strings.TrimPrefix(e.Path, "$")
	return &whole
}

func (q *question) getPrompt(ctx context.Context) answer {
	o := q.config.Catalogue.Now().Prompt(q.endpoint, q.m.Name)
	if o == nil {
		return q.unknown()
	}
	return q.through(ctx, target{tool: o.Tool, arguments: q.m.Arguments, name: o.Name, at: byName})
}

func (q *question) readResource(ctx context.Context) answer {
	tool := q.config.Catalogue.Readable(q.endpoint, q.m.Name)
	if tool == nil {
		return q.unknown()
	}
	return q.through(ctx, target{tool: tool})
}

// complete suggests values for an argument of a prompt or a template, under
// the pseudo-tool of that prompt or template.
func (q *question) complete(ctx context.Context) answer {
	kind, _ := wire.LookupText(q.m.Params, "ref", "type")
	argument, _ := wire.Lookup(q.m.Params, "argument")
	var o *catalogue.Offer
	t := target{arguments: argument}
	switch kind {
	case "ref/prompt":
		name, _ := wire.LookupText(q.m.Params, "ref", "name")
		if o = q.config.Catalogue.Now().Prompt(q.endpoint, name); o != nil {
			t.name, t.at = o.Name, byRef
		}
	case "ref/resource":
		uri, _ := wire.LookupText(q.m.Params, "ref", "uri")
		o = q.config.Catalogue.Now().Template(q.endpoint, uri)
	}
	if o == nil || argument != nil && !wire.IsObject(argument) {
		return q.unknown()
	}
	t.tool = o.Tool
	return q.through(ctx, t)
}

// nouns name what a method is about.
var nouns = map[string]string{
	wire.MethodToolsCall: "tool", wire.MethodResourcesRead: "resource", wire.MethodResourcesSubscribe: "resource", wire.MethodPromptsGet: "prompt",
	wire.MethodTasksGet: "task", wire.MethodTasksUpdate: "task", wire.MethodTasksCancel: "task",
}

// unknown is the answer for what is not there and for what the caller may
// not know of: the same bytes, made of what the client sent alone.
func (q *question) unknown() answer {
	if q.m.Method == wire.MethodComplete {
		return q.errored(wire.CodeInvalidParams, unknownReference, nil)
	}
	noun := nouns[q.m.Method]
	text := "Unknown " + noun + ": " + q.m.Name
	if noun != "resource" {
		return q.errored(wire.CodeInvalidParams, text, nil)
	}
	// Each era has a code of its own for these (2025-11-25 and 2026-07-28
	// server/resources, error handling), and both name the resource.
	code := wire.CodeInvalidParams
	if !q.stateless() {
		code = wire.CodeResourceNotFound
	}
	return q.errored(code, text, append(wire.AppendString([]byte(`{"uri":`), q.m.Name), '}'))
}

const unknownReference = "Unknown reference: completion/complete needs the name of a prompt or the URI of a resource template, and an argument."

// params are what goes upstream: the upstream's own name, and nothing that
// is between the client and the gateway. All other bytes are the client's.
func (q *question) params(t target, a guard.Answer) ([]byte, error) {
	e := q.m.EditParams()
	if t.name != "" && t.name != q.m.Name {
		e.SetText(t.name, t.at...)
	}
	if mentionsUs(q.m.Meta.Raw) {
		e.Drop("_meta", wire.MetaTrace)
		e.Drop("_meta", wire.MetaDecision)
	}
	if q.m.Meta.LogLevel != nil && !q.stateless() {
		e.Drop("_meta", wire.MetaLogLevel) // a session has one of its own
	}
	if q.m.Task != nil {
		// A server that declared no tasks ignores the wish for one (2025-11-25
		// basic/utilities/tasks). An upstream that has them would not.
		e.Drop("task")
	}
	q.inputParams(e, a)
	return e.Bytes()
}
