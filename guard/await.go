package guard

import (
	"context"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
)

// Await holds a call until the request it waits for is decided, and then
// decides the call again, with the rights of that moment. When ctx is done
// first it returns the answer it was given. Equal calls that wait at the same
// time are one execution: the newest goes on, the others are superseded.
func (g *Guard) Await(ctx context.Context, r Request, a Answer) Answer {
	return g.AwaitThen(ctx, a, func() Request { return r })
}

// AwaitThen is Await for a call that is put together again once its request
// is decided, from what is true by then.
func (g *Guard) AwaitThen(ctx context.Context, a Answer, again func() Request) Answer {
	if a.Waiting == nil {
		return a
	}
	req, lost, err := g.Approvals.Wait(ctx, a.Waiting.ID)
	start := g.clock.Now() // people's time is not the guard's
	var ended Answer
	switch {
	case ctx.Err() != nil:
		return a
	case err != nil:
		ended = g.fault(a.Call, err)
	case lost:
		ended = g.refuse(ctx, a.Call, superseded())
	case req.Status == approval.Expired:
		ended = g.refuse(ctx, a.Call, expired())
	default:
		r := again()
		r.resumed = req.ID
		return g.Admit(ctx, r)
	}
	g.Observer.Decided(a.Call, ended.Decision, g.clock.Now().Sub(start))
	return ended
}

func expired() ostiary.Decision {
	return ostiary.Decision{
		Reason: ostiary.ReasonApprovalExpired, Gate: "approval",
		Message: "Nobody answered in time. Call again to ask again.",
	}
}
