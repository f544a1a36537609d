package guard

import (
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

func (g *Guard) intent(r Request, c *ostiary.Call, d ostiary.Decision) audit.Entry {
	e := entryOf(c, audit.KindIntent)
	if r.Round != nil {
		e.Detail = map[string]string{"round": strconv.Itoa(r.Round.Number)}
	}
	e.Decision = g.pass
	if d.Rule != "" {
		exception := *g.pass
		exception.Rule, e.Decision = d.Rule, &exception
	}
	e.RawArguments = c.Arguments.Raw
	for _, use := range d.Uses {
		if use.Grant != "" {
			e.GrantID, e.ApprovalID = use.Grant, use.Approval
		}
	}
	return e
}

func (g *Guard) refusal(c *ostiary.Call, d ostiary.Decision) audit.Entry {
	e, said := entryOf(c, audit.KindRefusal), decided(g.Gates(), d)
	e.Decision = &said
	e.RawArguments = c.Arguments.Raw
	return e
}

// decided is how the record tells of a decision.
func decided(gates []ostiary.Gate, d ostiary.Decision) audit.Decision {
	return audit.Decision{Effect: d.Effect.String(), Reason: d.Reason, Gate: d.Gate, Rule: d.Rule, Trail: ostiary.TrailOf(gates, d)}
}

func outcome(c *ostiary.Call, s audit.Status, took time.Duration, bytes int64) audit.Entry {
	e := entryOf(c, audit.KindOutcome)
	e.Upstream = &audit.Upstream{Status: s, DurationMs: took.Milliseconds(), Bytes: bytes}
	return e
}

func entryOf(c *ostiary.Call, kind audit.Kind) audit.Entry {
	actor := audit.ActorOf(c.Principal)
	actor.IPClass = audit.IPClass(c.Caller.Addr)
	return audit.Entry{
		CallID: c.ID, Kind: kind, Actor: actor, Tool: c.Tool.ID, ToolDigest: c.Tool.Digest.String(),
	}
}
