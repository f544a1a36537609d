package ostiary

// An Effect is what a verdict or decision says. The zero Effect denies.
type Effect uint8

// The effects.
const (
	Deny Effect = iota // no
	Hold               // not yet: a step would turn it into a pass
	Pass               // no objection
)

var effectNames = [...]string{"deny", "hold", "pass"}

func (e Effect) String() string {
	if int(e) >= len(effectNames) {
		return effectNames[Deny]
	}
	return effectNames[e]
}

// A Reason is the stable code of a verdict. Reasons are public contract;
// docs/reasons.md explains each.
type Reason string

// The reasons.
const (
	ReasonNone                  Reason = ""
	ReasonUnauthenticated       Reason = "unauthenticated"
	ReasonUnknownTool           Reason = "unknown_tool"
	ReasonRoleRequired          Reason = "role_required"
	ReasonPolicyDenied          Reason = "policy_denied"
	ReasonInsufficientScope     Reason = "insufficient_scope"
	ReasonSiteRequired          Reason = "site_required"
	ReasonSiteNotAllowed        Reason = "site_not_allowed"
	ReasonAdminRequired         Reason = "admin_required"
	ReasonRateLimited           Reason = "rate_limited"
	ReasonAuthorizationRequired Reason = "authorization_required"
	ReasonToolNotConsented      Reason = "tool_not_consented"
	ReasonToolChanged           Reason = "tool_changed"
	ReasonApprovalRequired      Reason = "approval_required"
	ReasonApprovalDenied        Reason = "approval_denied"
	ReasonApprovalExpired       Reason = "approval_expired"
	ReasonSuperseded            Reason = "superseded"
	ReasonUnavailable           Reason = "unavailable"
)

// A StepKind is what turns a hold into a pass.
type StepKind string

// The steps.
const (
	StepSignIn  StepKind = "sign_in"
	StepApprove StepKind = "approve"
	StepConnect StepKind = "connect"
	StepWiden   StepKind = "widen"
)

// A Step is what somebody has to do before a held call may pass. It knows no
// wire format. Ask carries what the kind's own package needs to open it.
type Step struct {
	Kind   StepKind
	Scopes []string // scopes that are missing, for StepWiden
	Ask    any
}

// A Count asks the commit to add one to a counter, within its limit.
type Count struct {
	Counter string
	Max     int64
	Window  int64 // unix seconds at which the counter starts from zero again
}

// A Use is what a passing verdict asks the commit to do: use up a grant, add
// to a counter. Gates never write; they ask.
type Use struct {
	Grant    string // id of the grant that lets the call through; "" none
	Approval string // the request it came from
	Consume  bool   // the grant is for one use
	Again    bool   // it was used by an earlier round of the call, and is not used up again
	Record   any    // the grant as it was read; package approval asserts it
	Counts   []Count
}

// A Verdict is one gate's answer.
type Verdict struct {
	Effect Effect
	Reason Reason
	// Message is for the caller: what, why, and what would help.
	Message string
	// Rule is for the operator: the rule and configuration that decided. A gate
	// that passes has one only where it makes an exception, which the record
	// then tells.
	Rule string
	// Hides: a refusal is answered as if the tool did not exist.
	Hides bool
	Step  *Step
	Use   *Use
}

// Passed is the verdict of a gate with no objection.
func Passed() Verdict { return Verdict{Effect: Pass} }

// A Trail is every gate's answer, in order.
type Trail []TrailEntry

// A TrailEntry is one gate's answer as explain shows it.
type TrailEntry struct {
	Gate   string `json:"gate"`
	Effect string `json:"effect"`
	Reason Reason `json:"reason,omitempty"`
	Rule   string `json:"rule,omitempty"`
}

// A Decision is what the whole list of gates comes to.
type Decision struct {
	Effect  Effect
	Reason  Reason
	Gate    string // the gate that denied or holds; "" when all passed
	Message string
	Rule    string // of the gate that denied or holds; for a pass, of the first that let it through by an exception
	// Hidden: the caller gets the same bytes as for a tool that does not
	// exist; Reason is the true one, for audit and explain.
	Hidden bool
	Step   *Step
	Uses   []*Use // of the gates that passed, in order
	Err    error  // the fault of a gate that could not answer; it denies
}
