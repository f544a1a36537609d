package mcpguard

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/wire"
)

func (q *question) callTool(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.CallToolParamsRaw)
	if !ok || params == nil {
		return nil, malformed("tools/call needs params")
	}
	if err := strict(params.Arguments); err != nil {
		return nil, malformed(err.Error())
	}
	t, err := q.find(ctx, params.Name)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, unknown("tool", params.Name)
	}
	if err := q.twins(ctx, t, params.Arguments); err != nil {
		return nil, err
	}
	a, err := q.admit(ctx, t.Tool, params.Arguments)
	switch {
	case err != nil:
		return nil, err
	case a.Pass != nil:
		return q.carry(ctx, a)
	case a.Decision.Hidden:
		return nil, unknown("tool", params.Name)
	}
	return q.refusal(a), nil
}

// strict refuses arguments that two readers could understand differently:
// the handler must get what was decided on.
func strict(arguments json.RawMessage) error {
	if len(arguments) == 0 {
		return nil
	}
	return wire.Check(arguments)
}

// twins refuses keys that could be taken for one that a rule or the tool
// looks at. Of a hidden tool nothing is said.
func (q *question) twins(ctx context.Context, t *tool, arguments json.RawMessage) error {
	if len(arguments) == 0 {
		return nil
	}
	twin := wire.CheckTwins(arguments, t.known)
	if twin == nil {
		return nil
	}
	// Who can't be identified, and what is hidden, the guard answers for.
	if p, err := q.identify(ctx); err == nil && q.visible(ctx, p, t.Tool) {
		return malformed(twin.Error())
	}
	return nil
}

// admit asks the guard, and holds a call that needs a yes. An error says that
// what the client came back with is not of this call.
func (q *question) admit(ctx context.Context, t *ostiary.Tool, arguments []byte) (guard.Answer, error) {
	if err := q.goOn(ctx, t, arguments); err != nil {
		return guard.Answer{}, err
	}
	r := guard.Request{
		Identify: q.identify, Tool: t, Arguments: ostiary.Arguments{Raw: arguments, Lookup: wire.Lookup},
		Resource: q.config.Resource, Caller: ostiary.Caller{Addr: addressOf(q.req)}, Round: q.round(),
	}
	a := q.config.Guard.Admit(ctx, r)
	if a.Waiting == nil || q.config.Hold == 0 {
		return a, nil
	}
	wait, cancel := context.WithTimeout(ctx, q.config.Hold)
	defer cancel()
	held := q.config.Guard.Await(wait, r, a)
	if held.Waiting == nil && held.Pass == nil {
		held.Waiting = a.Waiting // what was asked, to say what became of it
	}
	return held, nil
}

// carry lets the call through to its handler, and records how it ended. A
// handler that panics leaves the outcome unknown.
func (q *question) carry(ctx context.Context, a guard.Answer) (res mcp.Result, err error) {
	status := audit.StatusUnknown
	defer func() { a.Pass.Done(ctx, status, 0) }()
	res, err = q.next(context.WithValue(ctx, principalKey{}, a.Call.Principal), q.method, q.onward(a))
	if err == nil {
		res, err = q.withOurState(a, res)
	}
	status = audit.StatusOK
	if r, ok := res.(*mcp.CallToolResult); err != nil || ok && r != nil && r.IsError {
		status = audit.StatusError
	}
	return res, err
}

func (q *question) getPrompt(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.GetPromptParams)
	if !ok || params == nil {
		return nil, malformed("prompts/get needs params")
	}
	arguments, err := json.Marshal(params.Arguments)
	if err != nil || params.Arguments == nil {
		arguments = nil
	}
	return q.through(ctx, q.prompt(params.Name), arguments, unknown("prompt", params.Name))
}

func (q *question) readResource(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.ReadResourceParams)
	if !ok || params == nil {
		return nil, malformed("resources/read needs params")
	}
	return q.through(ctx, q.resource(params.URI), nil, mcp.ResourceNotFoundError(params.URI))
}

// complete suggests values for a prompt or a resource template, and passes
// under that one's id.
func (q *question) complete(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.CompleteParams)
	if !ok || params == nil || params.Ref == nil {
		return nil, malformed("completion/complete needs a ref")
	}
	if params.Ref.Type == "ref/prompt" {
		return q.through(ctx, q.prompt(params.Ref.Name), nil, unknown("prompt", params.Ref.Name))
	}
	return q.through(ctx, q.resource(params.Ref.URI), nil, mcp.ResourceNotFoundError(params.Ref.URI))
}

// through decides on what is no tool; hidden is the error for what is not
// there.
func (q *question) through(ctx context.Context, t *ostiary.Tool, arguments []byte, hidden error) (mcp.Result, error) {
	a, err := q.admit(ctx, t, arguments)
	switch {
	case err != nil:
		return nil, err
	case a.Pass != nil:
		return q.carry(ctx, a)
	case a.Decision.Hidden:
		return nil, hidden
	}
	return nil, q.refusedError(a)
}

// unknown is the SDK's own error for what is not there, so that what is
// hidden can't be told from it.
func unknown(noun, name string) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("unknown %s %q", noun, name)}
}

func malformed(why string) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: why}
}
