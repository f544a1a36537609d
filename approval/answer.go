package approval

import (
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
)

// A Decider is who answers a request, as their sign-in tells.
type Decider struct {
	Subject     ostiary.Subject
	Tenant      ostiary.Tenant
	Roles       []string
	Admin       bool // an operator: sees everything of the tenant
	DisplayName string
	SignedInAt  time.Time
	Origin      string // page, cli or api
}

// An Answer is what they say. The zero Answer says nothing and is refused.
type Answer struct {
	Decision  string        // approve, deny or block
	Scope     Scope         // "" means the request's default
	TTL       time.Duration // time_limited needs one; it ends every other scope early, too
	AnyClient bool          // a wider yes holds for any of the subject's agents
	Reason    string
}

// The decisions.
const (
	Approve = "approve"
	Deny    = "deny"
	Block   = "block" // deny, and refuse the tool from now on
)

// MaySee says whether the request is the decider's own, theirs to decide, or
// they are an operator. What may not be seen is as if it were not there.
func (r Request) MaySee(d Decider) bool {
	if d.Admin && d.Tenant == "" {
		return true
	}
	if d.Tenant != r.Tenant {
		return false
	}
	return d.Admin || d.Subject == r.Subject || r.named(d)
}

// MayDecide says whether the decider is an approver of the request.
// Operators are not, unless they are named.
func (r Request) MayDecide(d Decider) error {
	if d.Tenant != r.Tenant || d.Subject == "" {
		return ErrNotApprover
	}
	if !r.Approvers.Named() {
		if d.Subject != r.Subject {
			return ErrNotApprover
		}
		return nil
	}
	if d.Subject == r.Subject && !r.Approvers.AllowSelf && r.named(d) {
		return ErrSelfApproval
	}
	if !r.named(d) {
		return ErrNotApprover
	}
	return nil
}

func (r Request) named(d Decider) bool {
	if slices.Contains(r.Approvers.Users, string(d.Subject)) {
		return true
	}
	return slices.ContainsFunc(r.Approvers.Roles, func(role string) bool { return slices.Contains(d.Roles, role) })
}

// maxReason bounds a reason in bytes: it is kept, shown and handed to agents.
const maxReason = 4000

// Allows says whether an answer is one that may be given to the request,
// whoever gives it: ErrAnswer, ErrReason, ErrScope, ErrTTL or ErrTTLMissing when not.
func (r Request) Allows(a Answer) error {
	_, err := r.check(a)
	return err
}

// Voted says whether the decider has answered already.
func (r Request) Voted(d Decider) bool { return r.voted(d) }

// check refuses an answer that says too little or reaches too far, and
// completes it with the request's default.
func (r Request) check(a Answer) (Answer, error) {
	if len(a.Reason) > maxReason {
		return a, ErrReason
	}
	switch a.Decision {
	case Deny, Block:
		return Answer{Decision: a.Decision, Reason: a.Reason}, nil
	case Approve:
	default:
		return a, ErrAnswer
	}
	if a.Scope == "" {
		a.Scope = r.DefaultScope
	}
	if !slices.Contains(r.Scopes, a.Scope) {
		return a, fmt.Errorf("%w: %q; offered: %v", ErrScope, a.Scope, r.Scopes)
	}
	if a.Scope != TimeLimited && a.TTL == 0 {
		return a, nil
	}
	said := a.TTL
	// Votes keep whole seconds: what is less would be kept as no end at all.
	if a.TTL = a.TTL.Truncate(time.Second); a.TTL <= 0 {
		return a, ErrTTLMissing
	}
	if limit := time.Duration(r.MaxTTL) * time.Second; a.Scope == TimeLimited && said > limit {
		return a, fmt.Errorf("%w: %s; at most %s", ErrTTL, said, limit)
	}
	return a, nil
}

// votes is how many different people must say yes.
func (r Request) votes() int { return max(1, r.Approvers.Min) }

func (r Request) voted(d Decider) bool {
	return slices.ContainsFunc(r.Decisions, func(v Vote) bool { return v.By.Identifier == string(d.Subject) })
}
