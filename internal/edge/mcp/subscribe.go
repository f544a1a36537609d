package mcp

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// maxSubscriptions is how many resources one session, or one stream of the
// stateless era, may hear of.
const maxSubscriptions = 200

// subscribe has the streams of a session tell when a resource changes
// (2025-11-25 server/resources, subscriptions). It goes through the gates as
// reading the resource does.
func (q *question) subscribe(ctx context.Context) answer {
	if q.m.Name == "" {
		return q.errored(wire.CodeInvalidParams, noURI, nil)
	}
	tool := q.config.Catalogue.Readable(q.endpoint, q.m.Name)
	if tool == nil {
		return q.unknown()
	}
	t := target{tool: tool, carry: (*question).carrySubscription}
	switch {
	case !q.config.Catalogue.Now().Subscribes(tool.App):
		a := q.cantTell(tool.App)
		t.wrong = &a
	case !q.client.session.record.hasRoomFor(q.m.Name):
		a := q.errored(wire.CodeInvalidRequest, fmt.Sprintf("This session subscribes to %d resources already. Unsubscribe from some first.", maxSubscriptions), nil)
		t.wrong = &a
	}
	return q.through(ctx, t)
}

const noURI = "params.uri must be a string that isn't empty."

func (q *question) cantTell(app string) answer {
	return q.errored(wire.CodeMethodNotFound, "The app "+app+" does not tell when its resources change.", nil)
}

// carrySubscription asks the upstream, and keeps what it agreed to. The stream
// of the session, wherever it is, then watches by itself.
func (q *question) carrySubscription(ctx context.Context, t target, a guard.Answer) answer {
	end := ending{pass: a.Pass, status: audit.StatusUnknown}
	defer end.record(ctx)
	w := q.watchFor(q.client.session, a.Call.Principal, watched{t.tool.App, q.m.Name}, func(string) {})
	defer w.Close()
	err := w.Ready(ctx)
	end.status = watchStatus(err)
	var no *upstream.RefusedError
	switch {
	case errors.As(err, &no):
		out, _ := q.replied(a, upstream.Reply{Err: no.Object}, false)
		return out
	case errors.Is(err, upstream.ErrNoSubscriptions):
		return q.cantTell(t.tool.App)
	case err != nil:
		return q.failedUpstream(ctx, t, a, err)
	}
	err = q.sessions.change(ctx, q.client.session, func(r *record) bool {
		return r.subscribe(q.m.Name, t.tool.App)
	})
	if err != nil {
		return q.unkept(err)
	}
	return q.answered([]byte("{}"))
}

// unsubscribe takes a subscription back. Whoever may not know of the resource
// any more may do so too, and hears the same of what was never there.
func (q *question) unsubscribe(ctx context.Context) answer {
	if q.m.Name == "" {
		return q.errored(wire.CodeInvalidParams, noURI, nil)
	}
	err := q.sessions.change(ctx, q.client.session, func(r *record) bool {
		_, had := r.URIs[q.m.Name]
		delete(r.URIs, q.m.Name)
		return had
	})
	if err != nil {
		return q.unkept(err)
	}
	return q.answered([]byte("{}"))
}

// isNo says whether an upstream answered that it does not tell of changes.
func isNo(err error) bool {
	var no *upstream.RefusedError
	return errors.As(err, &no) || errors.Is(err, upstream.ErrNoSubscriptions)
}
