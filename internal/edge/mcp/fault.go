package mcp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// abandoned answers a request that its client gave up. One that hung up
// hears nothing; one that cancelled is told so.
func (q *question) abandoned(ctx context.Context) answer {
	if errors.Is(context.Cause(ctx), errCancelled) {
		return q.errored(wire.CodeInternalError, "The request was cancelled.", nil)
	}
	return answer{gone: true}
}

// failedUpstream answers an allowed call that brought nothing back. What went
// wrong in detail is for the log: it may name hosts and quote what the
// upstream said.
func (q *question) failedUpstream(ctx context.Context, t target, a guard.Answer, err error) answer {
	if ctx.Err() != nil {
		return q.abandoned(ctx)
	}
	q.config.Logger.Error("an upstream failed", "app", t.tool.App, "tool", t.tool.ID, "call_id", a.Call.ID, "error", err)
	text := "The app " + t.tool.App + " did not answer as it should. Whether " + string(t.tool.ID) + " has run is not known: look before calling again."
	if upstream.NotSent(err) {
		text = "The app " + t.tool.App + " can't be reached just now. Nothing was called; try again later."
	}
	return q.toldPlainly(text + " (" + string(a.Call.ID) + ")")
}

// toldPlainly says in words what became of an allowed call.
func (q *question) toldPlainly(text string) answer {
	if q.m.Method != wire.MethodToolsCall {
		return q.errored(wire.CodeInternalError, text, nil)
	}
	dst := wire.AppendString([]byte(`{"content":[{"type":"text","text":`), text)
	return q.answered(q.typed(append(dst, `}],"isError":true`...), "complete"))
}

// errorCode reads the code of a JSON-RPC error; 0 when it has none.
func errorCode(object []byte) int {
	var e struct{ Code int }
	if json.Unmarshal(object, &e) != nil {
		return 0
	}
	return e.Code
}
