package mcpguard

import (
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/guard"
)

// maxRounds bounds how often a call goes on.
const maxRounds = 16

// brought is what a client came back with: answers to what it was asked, and
// the state that it was given.
func (q *question) brought() (mcp.InputResponseMap, string) {
	switch p := q.req.GetParams().(type) {
	case *mcp.CallToolParamsRaw:
		return p.InputResponses, p.RequestState
	case *mcp.GetPromptParams:
		return p.InputResponses, p.RequestState
	case *mcp.ReadResourceParams:
		return p.InputResponses, p.RequestState
	}
	return nil, ""
}

// onward is the request as the handler gets it: with its own state back, and
// without answers that nobody asked for where somebody had to approve the
// call, since they would have seen them.
func (q *question) onward(a guard.Answer) mcp.Request {
	responses, theirs := q.brought()
	switch {
	case q.came != nil:
		theirs = q.came.Theirs
	case a.Grant() != "":
		responses = nil
	}
	switch r := q.req.(type) {
	case *mcp.CallToolRequest:
		n, p := *r, *r.Params
		p.InputResponses, p.RequestState = responses, theirs
		n.Params = &p
		return &n
	case *mcp.GetPromptRequest:
		n, p := *r, *r.Params
		p.InputResponses, p.RequestState = responses, theirs
		n.Params = &p
		return &n
	case *mcp.ReadResourceRequest:
		n, p := *r, *r.Params
		p.InputResponses, p.RequestState = responses, theirs
		n.Params = &p
		return &n
	}
	return q.req
}

// withOurState puts a state of ours around the handler's own in a result that
// asks the client for something. Other results stay as they are.
func (q *question) withOurState(a guard.Answer, res mcp.Result) (mcp.Result, error) {
	switch r := res.(type) {
	case *mcp.CallToolResult:
		if r != nil && r.InputRequests != nil {
			n := *r
			return &n, q.wrap(a, &n.RequestState)
		}
	case *mcp.GetPromptResult:
		if r != nil && r.InputRequests != nil {
			n := *r
			return &n, q.wrap(a, &n.RequestState)
		}
	case *mcp.ReadResourceResult:
		if r != nil && r.InputRequests != nil {
			n := *r
			return &n, q.wrap(a, &n.RequestState)
		}
	}
	return res, nil
}

func (q *question) wrap(a guard.Answer, requestState *string) error {
	s, err := q.following(a, *requestState)
	if err != nil {
		return err
	}
	if s.Number > maxRounds {
		why := fmt.Sprintf("%s asked %d times in one call, which is as often as it may", a.Call.Tool.ID, maxRounds)
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: why}
	}
	*requestState, err = q.seal(s)
	return err
}
