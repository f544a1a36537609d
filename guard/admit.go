package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/store"
)

// maxDecisions bounds how often a call is decided again because something
// that concerns it changed between decision and commit.
const maxDecisions = 8

// Admit decides a call and commits what its passing takes. It never returns
// a Pass whose intent is not durable (but see Durability).
func (g *Guard) Admit(ctx context.Context, r Request) Answer {
	start := g.clock.Now()
	c := &ostiary.Call{Tool: r.Tool, Arguments: r.Arguments, Resource: r.Resource, Caller: r.Caller}
	if r.Round != nil {
		c.ID, c.Earlier = r.Round.Call, &ostiary.Earlier{Grant: r.Round.Grant}
		r.attempt = ostiary.NewID("rnd")
	} else {
		c.ID = ostiary.CallID(ostiary.NewID("cal"))
	}
	a := g.admit(ctx, r, c)
	if !gaveUp(a.Decision.Err) {
		g.Observer.Decided(c, a.Decision, g.clock.Now().Sub(start))
	}
	return a
}

func (g *Guard) admit(ctx context.Context, r Request, c *ostiary.Call) Answer {
	var refusedUnder *ostiary.Epochs
	for range maxDecisions {
		p, err := r.Identify(ctx)
		if err != nil {
			return g.fault(c, fmt.Errorf("identify the caller: %w", err))
		}
		c.Principal, c.Time = p, g.clock.Now()
		r.by = g.now.Load() // after the epochs were read: see Replace
		d := ostiary.Decide(ctx, r.by.gates, c)
		if d.Effect == ostiary.Pass {
			a, again := g.commit(ctx, r, c, d)
			if !again {
				return a
			}
			g.Epochs.Forget(store.EpochsOf(p))
			continue
		}
		// A pass is asserted by the commit. A refusal has none, so it must be
		// decided from what storage says now, not from what is remembered.
		if p == nil || refusedUnder != nil && *refusedUnder == p.Epochs {
			return g.turnAway(ctx, r, c, d)
		}
		refusedUnder = &p.Epochs
		g.Epochs.Forget(store.EpochsOf(p))
	}
	return g.fault(c, errors.New("what concerns this call kept changing"))
}

func (g *Guard) turnAway(ctx context.Context, r Request, c *ostiary.Call, d ostiary.Decision) Answer {
	if d.Effect == ostiary.Hold {
		return g.hold(ctx, r, c, d)
	}
	return g.refuse(ctx, c, d)
}

// hold opens what the step needs: for an approval, the request that people
// are asked with. A call that waited and finds its yes used up by an equal
// call elsewhere does not ask again.
func (g *Guard) hold(ctx context.Context, r Request, c *ostiary.Call, d ostiary.Decision) Answer {
	if r.resumed != "" && g.released(ctx, r.resumed) {
		return g.refuse(ctx, c, superseded())
	}
	asking, ok := d.Step.Ask.(gate.Asking)
	if !ok {
		return g.refuse(ctx, c, d) // nothing else records that it was held
	}
	held := decided(g.Gates(), d)
	asking.Ask.Held = &held
	req, made, err := g.Approvals.Open(ctx, asking.Ask, asking.Rule, asking.Suspended)
	if errors.Is(err, approval.ErrTooMany) {
		d.Effect, d.Reason, d.Step = ostiary.Deny, ostiary.ReasonRateLimited, nil
		d.Message = "Too many of your calls wait for an approval already. Answer or wait for some of them first."
		return g.refuse(ctx, c, d)
	}
	if err != nil {
		return g.fault(c, fmt.Errorf("ask for an approval: %w", err))
	}
	if !made { // the entry that tells of a new request tells of its call
		e := g.refusal(c, d)
		e.ApprovalID = req.ID
		g.note(ctx, e)
	}
	return Answer{Call: c, Decision: d, Waiting: &req}
}

func (g *Guard) refuse(ctx context.Context, c *ostiary.Call, d ostiary.Decision) Answer {
	if d.Err != nil {
		g.Logger.Error("a gate could not answer", "gate", d.Gate, "tool", c.Tool.ID, "call_id", c.ID, "error", d.Err)
	}
	g.note(ctx, g.refusal(c, d))
	return Answer{Call: c, Decision: d}
}

// note records that a call was not let through. One that can't be recorded is
// refused all the same.
func (g *Guard) note(ctx context.Context, e audit.Entry) {
	// Who hangs up before the answer is recorded all the same.
	ctx = context.WithoutCancel(ctx)
	if err := g.write(ctx, e, func(*store.Tx) error { return nil }); err != nil {
		g.Logger.Error("a refusal could not be recorded", "call_id", e.CallID, "error", err)
	}
}

// fault is the answer when storage, audit or identity can't do their part:
// nothing was called.
func (g *Guard) fault(c *ostiary.Call, err error) Answer {
	level := slog.LevelError
	if gaveUp(err) {
		level = slog.LevelDebug
	}
	g.Logger.Log(context.Background(), level, "call refused: unavailable", "tool", c.Tool.ID, "call_id", c.ID, "error", err)
	return Answer{Call: c, Decision: unavailable(err)}
}

// gaveUp says whether it was the caller that didn't wait: that is no fault of
// ours, and nobody is to be woken for it.
func gaveUp(err error) bool { return errors.Is(err, context.Canceled) }

func unavailable(err error) ostiary.Decision {
	return ostiary.Decision{
		Reason: ostiary.ReasonUnavailable, Err: err,
		Message: "Ostiary can't record calls just now, so nothing was called. Try again later.",
	}
}
