package gate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
)

// Counters tells how far a counter stands.
type Counters interface {
	Counter(ctx context.Context, name string) (int64, error)
}

// Rate asks whether anything is left of the allowance. The commit counts the
// call, within the same limit: of many at once, none too many go through.
type Rate struct {
	Rules    *policy.Rules
	Counters Counters
}

// Name implements ostiary.Gate.
func (Rate) Name() string { return "rate" }

// Check implements ostiary.Gate.
func (g Rate) Check(ctx context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	rule := g.Rules.Of(c.Tool)
	if rule.Rate == nil || c.Intent == ostiary.List || c.Earlier != nil {
		return ostiary.Passed(), nil
	}
	count := allowance(rule, c)
	used, err := g.Counters.Counter(ctx, count.Counter)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("read the rate of %s: %w", c.Tool.ID, err)
	}
	if used >= count.Max {
		return TooMany(rule, c, count), nil
	}
	return ostiary.Verdict{Effect: ostiary.Pass, Use: &ostiary.Use{Counts: []ostiary.Count{count}}}, nil
}

// TooMany is the verdict when the allowance is used up.
func TooMany(rule *policy.Rule, c *ostiary.Call, count ostiary.Count) ostiary.Verdict {
	wait := max(1, count.Window-c.Time.Unix())
	return ostiary.Verdict{
		Reason: ostiary.ReasonRateLimited,
		Message: fmt.Sprintf("%s may be called %d times in %s for each %s. Try again in %d seconds.",
			c.Tool.ID, rule.Rate.Calls, rule.Rate.Window, rule.Rate.Per, wait),
		Rule: rule.Source(policy.GroupRate),
	}
}

// allowance names the counter of the window that the call falls in.
func allowance(rule *policy.Rule, c *ostiary.Call) ostiary.Count {
	window := max(1, int64((rule.Rate.Window+time.Second-1)/time.Second))
	start := c.Time.Unix() / window * window
	name := append(make([]byte, 0, 128), "rate/"...)
	name = append(name, rule.Rate.Per...)
	name = append(name, '/')
	name = strconv.AppendInt(name, start, 36)
	name = appendPart(name, string(c.Tool.ID))
	name = appendWho(name, rule.Rate.Per, c.Principal)
	return ostiary.Count{Counter: string(name), Max: rule.Rate.Calls, Window: start + window}
}

func appendWho(name []byte, per policy.Per, p *ostiary.Principal) []byte {
	switch per {
	case policy.PerTool:
		return name
	case policy.PerSession:
		return appendPart(name, string(p.Session))
	case policy.PerTenant:
		return appendPart(name, string(p.Tenant))
	case policy.PerClient:
		return appendPart(appendPart(appendPart(name, string(p.Tenant)), string(p.Subject)), string(p.Client.ID))
	default:
		return appendPart(appendPart(name, string(p.Tenant)), string(p.Subject))
	}
}

// appendPart adds a part with its length before it, so that no two lists of
// parts give the same name.
func appendPart(name []byte, part string) []byte {
	name = append(name, '/')
	name = strconv.AppendInt(name, int64(len(part)), 10)
	name = append(name, ':')
	return append(name, part...)
}
