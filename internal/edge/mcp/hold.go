package mcp

import (
	"context"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/wire"
)

// reporting is how often a client hears that its call is still held.
const reporting = 5 * time.Second

// decide asks the guard. A call that needs a yes becomes a task, where the
// client takes one; else it waits, unless the client was not told yet and can
// do the waiting better than we.
func (q *question) decide(ctx context.Context, t target, retry bool) guard.Answer {
	r := q.request(t)
	a := q.config.Guard.Admit(ctx, r)
	if a.Waiting == nil || q.begin(ctx, t, a) || q.config.Hold == 0 {
		return a
	}
	if q.takesSteps() && (!retry || q.declined()) {
		return a
	}
	return q.hold(ctx, r, a)
}

// takesSteps says whether the client can be told to show a link and come
// back: by an input request in the stateless era, by an error before it.
func (q *question) takesSteps() bool {
	if q.stateless() {
		return q.client.elicitsURLs && q.m.Method != wire.MethodComplete
	}
	return q.client.elicitsURLs
}

// hold waits for the decision, for so long as the operator allows and the
// client stays, and lets the client know that it does.
func (q *question) hold(ctx context.Context, r guard.Request, a guard.Answer) guard.Answer {
	ctx, cancel := context.WithTimeout(ctx, q.config.Hold)
	defer cancel()
	if q.events != nil && q.m.Meta.ProgressToken != nil {
		reported := make(chan struct{})
		go func() { defer close(reported); q.report(ctx, a) }()
		defer func() { cancel(); <-reported }()
	}
	held := q.config.Guard.Await(ctx, r, a)
	if held.Waiting == nil && held.Decision.Effect != ostiary.Pass {
		held.Waiting = a.Waiting // what was asked, to say what became of it
	}
	return held
}

// report sends progress until ctx ends. Its numbers are far below those of
// an upstream, which go on from them: "the progress value MUST increase".
func (q *question) report(ctx context.Context, a guard.Answer) {
	tick := time.NewTicker(reporting)
	defer tick.Stop()
	text := "Waiting for an approval: " + q.approvalURL(a.Waiting.ID)
	for n := 1; ; n++ {
		q.events.send(q.progress(float64(n)*1e-6, text))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *question) progress(done float64, text string) []byte {
	params := append([]byte(`{"progressToken":`), q.m.Meta.ProgressToken...)
	params = strconv.AppendFloat(append(params, `,"progress":`...), done, 'f', -1, 64)
	params = wire.AppendString(append(params, `,"message":`...), text)
	return wire.AppendRequest(nil, nil, wire.MethodProgress, append(params, '}'))
}

func (h *Handler) approvalURL(id string) string { return h.config.PublicURL + "/approvals/" + id }
