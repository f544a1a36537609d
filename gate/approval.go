package gate

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
)

// Approval asks whether somebody has said yes to this very call, or no.
type Approval struct {
	Rules     *policy.Rules
	Approvals *approval.Service
}

// Asking is what the guard needs to ask people: Step.Ask of this gate.
type Asking struct {
	Ask       approval.Ask
	Rule      *policy.Rule
	Suspended *approval.Grant
}

// Name implements ostiary.Gate.
func (Approval) Name() string { return "approval" }

// Check implements ostiary.Gate. A remembered no stops the call also where
// the operator asks for no approval any more: a deny beats any allow.
func (g Approval) Check(ctx context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List {
		return ostiary.Passed(), nil
	}
	rule := g.Rules.Of(c.Tool)
	needed := rule.Approval.Required && !rule.Approval.Skip
	switch nobody := c.Principal.Anonymous || c.Principal.Session == ""; {
	case needed && nobody:
		return ostiary.Verdict{Reason: ostiary.ReasonUnauthenticated, Message: "This tool needs an approval, and so a signed-in person."}, nil
	case c.Principal.Anonymous:
		return ostiary.Passed(), nil
	case !needed:
		return g.unlessDenied(ctx, c, rule)
	}
	ask, err := asking(c, rule)
	if err != nil {
		return ostiary.Verdict{}, err
	}
	if c.Earlier != nil && c.Earlier.Grant != "" {
		return g.further(ctx, ask, rule)
	}
	st, err := g.Approvals.Standing(ctx, ask)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("look for an approval of %s: %w", c.Tool.ID, err)
	}
	return verdict(rule, ask, st), nil
}

// further asks of a call that goes on whether the yes that let it begin still
// stands.
func (g Approval) further(ctx context.Context, ask approval.Ask, rule *policy.Rule) (ostiary.Verdict, error) {
	d, err := g.Approvals.Denial(ctx, ask)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("look for a denial of %s: %w", ask.Call.Tool.ID, err)
	}
	if d != nil {
		return denied(rule, d), nil
	}
	item, err := g.Approvals.Stands(ctx, ask.Call.Earlier.Grant, ask)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("look for the approval of %s: %w", ask.Call.Tool.ID, err)
	}
	if item == nil {
		return ostiary.Verdict{
			Reason: ostiary.ReasonApprovalDenied, Rule: rule.Source(policy.GroupApproval),
			Message: "The approval that let this call begin is no longer in force. Call again from the start.",
		}, nil
	}
	return ostiary.Verdict{Effect: ostiary.Pass, Use: &ostiary.Use{Grant: item.ID, Approval: item.Value.RequestID, Record: *item, Again: true}}, nil
}

// unlessDenied costs one look into memory where nothing is remembered of
// subject and tool; the arguments are digested only where something is.
func (g Approval) unlessDenied(ctx context.Context, c *ostiary.Call, rule *policy.Rule) (ostiary.Verdict, error) {
	any, err := g.Approvals.Remembered(ctx, c)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("look for a denial of %s: %w", c.Tool.ID, err)
	}
	if !any {
		return ostiary.Passed(), nil
	}
	ask, err := asking(c, rule)
	if err != nil {
		return ostiary.Verdict{}, err
	}
	d, err := g.Approvals.Denial(ctx, ask)
	if err != nil {
		return ostiary.Verdict{}, fmt.Errorf("look for a denial of %s: %w", c.Tool.ID, err)
	}
	if d != nil {
		return denied(rule, d), nil
	}
	return ostiary.Passed(), nil
}

func asking(c *ostiary.Call, rule *policy.Rule) (approval.Ask, error) {
	digest, err := ostiary.ArgumentsDigest(c.Arguments.Raw)
	if err != nil {
		return approval.Ask{}, fmt.Errorf("digest the arguments: %w", err)
	}
	ask := approval.Ask{Call: c, Gate: "approval", Digest: digest, Rule: &rule.Approval}
	if rule.Site.Scoped {
		site, _ := siteOf(c, rule)
		ask.Site = ostiary.Site(site)
	}
	return ask, nil
}

func verdict(rule *policy.Rule, ask approval.Ask, st approval.Standing) ostiary.Verdict {
	if st.Denial != nil {
		return denied(rule, st.Denial)
	}
	if g := st.Grant; g != nil {
		return ostiary.Verdict{Effect: ostiary.Pass, Use: &ostiary.Use{
			Grant: g.ID, Approval: g.Value.RequestID, Record: *g, Consume: g.Value.Scope == approval.Once,
		}}
	}
	return ostiary.Verdict{
		Effect:  ostiary.Hold,
		Reason:  ostiary.ReasonApprovalRequired,
		Message: string(ask.Call.Tool.ID) + " needs somebody's approval before it runs.",
		Rule:    rule.Source(policy.GroupApproval),
		Step:    &ostiary.Step{Kind: ostiary.StepApprove, Ask: Asking{ask, rule, st.Suspended}},
	}
}

func denied(rule *policy.Rule, d *approval.Grant) ostiary.Verdict {
	message := "This call was denied"
	if d.Block {
		message = string(d.Tool) + " was blocked"
	}
	if d.Reason != "" {
		message += ": " + d.Reason
	}
	return ostiary.Verdict{Reason: ostiary.ReasonApprovalDenied, Message: message + ".", Rule: rule.Source(policy.GroupApproval)}
}
