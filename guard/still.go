package guard

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// Still decides once more a call that was let through before, with the rights
// that storage has for its caller now: whether they may be told how it goes.
// Nothing is spent, counted or recorded. That the yes has ended by now takes
// nothing back; that there is a no does. The answer of a call that may not be
// told of says why; it never has a Pass.
func (g *Guard) Still(ctx context.Context, r Request) (a Answer, may bool) {
	c := &ostiary.Call{
		ID: r.Round.Call, Tool: r.Tool, Arguments: r.Arguments, Resource: r.Resource, Caller: r.Caller,
		Earlier: &ostiary.Earlier{}, Time: g.clock.Now(),
	}
	p, err := r.Identify(ctx)
	if err == nil {
		p, err = g.Present(ctx, p, r.Identify)
	}
	if err != nil {
		return g.fault(c, fmt.Errorf("identify the caller: %w", err)), false
	}
	c.Principal = p
	now := g.now.Load()
	d := ostiary.Decide(ctx, now.gates, c)
	waits := d.Effect == ostiary.Hold && d.Step.Kind == ostiary.StepApprove
	return Answer{Call: c, Decision: d, Edition: now.edition}, d.Effect == ostiary.Pass || waits
}

// Present is who p is by what storage has now, whatever is remembered: nil when
// they may not come in any more. A call is held to that by its commit; whatever
// is told without one asks here first, so that a revocation on any instance
// holds from the moment in which it is acknowledged.
func (g *Guard) Present(ctx context.Context, p *ostiary.Principal, identify func(context.Context) (*ostiary.Principal, error)) (*ostiary.Principal, error) {
	if p == nil {
		return nil, nil
	}
	if err := g.Epochs.Refresh(ctx, store.EpochsOf(p)); err != nil {
		return nil, err
	}
	return identify(ctx)
}

// Ended adds to tx how a call ended that an upstream had taken on as a task.
func (g *Guard) Ended(tx *store.Tx, c *ostiary.Call, task string, status audit.Status, took time.Duration, bytes int64) {
	e := outcome(c, status, took, bytes)
	e.Target = task
	g.Log.Append(tx, e)
}
