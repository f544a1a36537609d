package ostiary

import (
	"context"
	"errors"
)

// A Gate is one question asked of every call. Check reads and never writes,
// gives the same answer when asked twice, and may be called concurrently.
// An error is a fault, and denies; a refusal is a verdict.
type Gate interface {
	Name() string
	Check(ctx context.Context, c *Call) (Verdict, error)
}

// Decide asks the gates in order until one denies or holds. A call that is
// to run is decided first as if it were listed, so that what is listed and
// what is callable can't drift apart: a tool that a gate hides from the list
// is hidden from the call, whatever else is wrong with it. Only who is not
// signed in learns that, and no more.
//
// No gates at all let nothing through, and a hold without a step, which
// nobody could end, denies.
//
// Decide holds c alone while it runs: it sets c.Intent and puts it back.
func Decide(ctx context.Context, gates []Gate, c *Call) Decision {
	intent := c.Intent
	c.Intent = List
	d := list(ctx, gates, c)
	c.Intent = intent
	if intent == List || d.Effect != Pass {
		return d
	}
	return run(ctx, gates, c)
}

// list decides whether the tool may be known of.
func list(ctx context.Context, gates []Gate, c *Call) Decision {
	if len(gates) == 0 {
		return Decision{Reason: ReasonUnavailable, Message: undecided, Err: errors.New("there are no gates")}
	}
	d := run(ctx, gates, c)
	if d.Effect != Pass && d.Err == nil && d.Reason != ReasonUnauthenticated {
		d.Effect, d.Step, d.Hidden = Deny, nil, true
	}
	return d
}

const undecided = "Ostiary could not decide this call just now."

// Explain asks every gate, also after one that denies, and returns each
// answer beside the decision. Nothing is written. Where nobody is there, the
// gates behind the first are asked about the zero Principal.
func Explain(ctx context.Context, gates []Gate, c *Call) (Decision, Trail) {
	if c.Principal == nil {
		somebody := *c
		somebody.Principal = &Principal{}
		c = &somebody
	}
	var trail Trail
	for _, g := range gates {
		trail = append(trail, entry(g, ask(ctx, g, c)))
	}
	return Decide(ctx, gates, c), trail
}

// TrailOf names the gates that were asked, in order: those that passed, and
// the one that decided. They are all of them for a pass.
func TrailOf(gates []Gate, d Decision) []string {
	var trail []string
	for _, g := range gates {
		trail = append(trail, g.Name())
		if g.Name() == d.Gate {
			break
		}
	}
	return trail
}

func run(ctx context.Context, gates []Gate, c *Call) Decision {
	pass := Decision{Effect: Pass}
	for _, g := range gates {
		v, err := g.Check(ctx, c)
		if err != nil {
			return Decision{Reason: ReasonUnavailable, Gate: g.Name(), Message: undecided, Err: err}
		}
		if v.Effect != Pass {
			return refuse(g, v)
		}
		if pass.Rule == "" {
			pass.Rule = v.Rule
		}
		if v.Use != nil {
			pass.Uses = append(pass.Uses, v.Use)
		}
	}
	return pass
}

func ask(ctx context.Context, g Gate, c *Call) Verdict {
	v, err := g.Check(ctx, c)
	if err != nil {
		return Verdict{Reason: ReasonUnavailable, Rule: err.Error()}
	}
	return v
}

func refuse(g Gate, v Verdict) Decision {
	if v.Effect != Hold || v.Step == nil {
		v.Effect = Deny
	}
	return Decision{
		Effect: v.Effect, Reason: v.Reason, Gate: g.Name(),
		Message: v.Message, Rule: v.Rule, Hidden: v.Hides, Step: v.Step,
	}
}

func entry(g Gate, v Verdict) TrailEntry {
	return TrailEntry{Gate: g.Name(), Effect: v.Effect.String(), Reason: v.Reason, Rule: v.Rule}
}
