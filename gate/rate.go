package gate

import (
	"context"
	"fmt"
	"strconv"

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
	if rule.Rate == nil || c.Intent == ostiary.List {
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
	window := int64(rule.Rate.Window.Seconds())
	start := c.Time.Unix() / window * window
	name := fmt.Sprintf("rate/%s/%q/%s/%s", c.Tool.ID, who(rule.Rate.Per, c.Principal), rule.Rate.Per, strconv.FormatInt(start, 36))
	return ostiary.Count{Counter: name, Max: rule.Rate.Calls, Window: start + window}
}

func who(per policy.Per, p *ostiary.Principal) string {
	switch per {
	case policy.PerSession:
		return string(p.Session)
	case policy.PerClient:
		return string(p.Tenant) + "|" + string(p.Subject) + "|" + string(p.Client.ID)
	case policy.PerTenant:
		return string(p.Tenant)
	case policy.PerTool:
		return "*"
	default:
		return string(p.Tenant) + "|" + string(p.Subject)
	}
}
