package pages

import "time"

// An Approval is the page of one request, at /approvals/{id}.
type Approval struct {
	Request Request
	// MayDecide: the reader may answer. Without it the page has no form.
	MayDecide bool
	// WhyNot is why the reader may not answer: not_an_approver,
	// self_approval, already_voted; "" says nothing about it.
	WhyNot string
	// SignInAgain is where to sign in again, when the sign-in is too old for
	// this risk; "" when it is fresh enough.
	SignInAgain string
	// Approvers are who else may answer; none means the subject alone.
	Approvers Approvers
	// Scopes are the approval scopes on offer, narrow to wide.
	Scopes       []string
	DefaultScope string
	MaxTTL       time.Duration // of a time-limited yes
	// ClientUnvouched: nobody vouches for the client, so a yes beyond its
	// session holds for any agent of the subject, and the page says why.
	ClientUnvouched bool
	Definition      Definition
	// Equals is how often in the last week somebody said yes to an equal call,
	// for the call or its session alone.
	Equals int
	// Choice is what the reader answered in the form before, when the page
	// comes back; the zero Choice is a fresh form.
	Choice Choice
	// Confirm asks for the second confirmation of Choice.
	Confirm bool
	// Problem is why an answer was refused: a code of the API, or "".
	Problem string
}

// Approvers are who may answer a request.
type Approvers struct {
	Roles []string
	Users []string
}

// A Choice holds the fields of the form.
type Choice struct {
	Scope     string
	TTL       time.Duration
	AnyClient bool
	Reason    string
}

// A Definition tells whether the tool is still what it was when somebody
// last said yes to it.
type Definition struct {
	LastYes time.Time // zero: nobody has said yes to it yet
	Before  []byte    // the definition of that yes; nil when it has not changed
	After   []byte
	// Waiting are the yeses that wait since it changed: a yes to this
	// definition makes them hold again.
	Waiting []Grant
}

func (Approval) template() string { return "approval" }
func (Approval) section() string  { return "approvals" }
func (a Approval) title() string {
	return bounded(flat(a.Request.Question()), 2*nameRunes) + " · Approvals"
}

// Open says whether the page has a form to answer with.
func (a Approval) Open(now time.Time) bool {
	return a.MayDecide && a.SignInAgain == "" && a.Request.Pending(now)
}

// Changes lists how the definition differs from the last yes.
func (a Approval) Changes() []Change { return Changes(a.Definition.Before, a.Definition.After) }

// Changed says whether the definition is another one than at the last yes.
func (a Approval) Changed() bool { return a.Definition.Before != nil }

// Who tells who may answer, for those who may not.
func (a Approvers) Who(subject string) Sentence {
	var who []Sentence
	for _, name := range a.Users {
		who = append(who, Sentence{}.quote(name))
	}
	for _, role := range a.Roles {
		who = append(who, Sentence{}.say("everybody with the role ").quote(role))
	}
	if len(who) == 0 {
		return Sentence{}.say("Only ").quote(subject).say(" may answer.")
	}
	s := Sentence{}.say("May answer: ")
	for i, w := range who {
		if i > 0 {
			s = s.say(", ")
		}
		s = append(s, w...)
	}
	return s.say(".")
}

// Refusal explains why an answer was refused.
func (a Approval) Refusal() string { return refusals[a.Problem] }

// WhyNotText explains why the reader may not answer.
func (a Approval) WhyNotText() string { return refusals[a.WhyNot] }

var refusals = map[string]string{
	"not_an_approver":   "You may see this request but not answer it.",
	"self_approval":     "Somebody else has to answer: nobody may approve their own agent's call to this tool.",
	"already_voted":     "You have answered. One more person has to.",
	"reauthenticate":    "For this risk you have to sign in again before you answer.",
	"already_decided":   "Somebody was faster: this request is already decided. Your answer changed nothing.",
	"expired":           "The request ran out of time before your answer. Nothing was saved.",
	"scope_not_allowed": "A yes of that reach is not offered for this tool. Choose one of those below.",
	"ttl_too_long":      "That is longer than this tool allows. Choose one of the times below.",
	"ttl_missing":       "Choose for how long.",
	"any_client_needed": "Nobody vouches for this agent's name, so a yes beyond this session needs the tick for any agent.",
}
