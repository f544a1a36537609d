package pages

import (
	"slices"
	"strings"
	"time"
)

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

// An Option is one approval scope on offer.
type Option struct {
	Scope   string
	Label   string
	Checked bool
	Timed   bool
	// Saves is what choosing it saves; SavesAny the same for any agent of
	// the subject, nil where that makes no difference.
	Saves    Sentence
	SavesAny Sentence
}

// Options are the approval scopes on offer, the default one checked.
func (a Approval) Options() []Option {
	options := make([]Option, 0, len(a.Scopes))
	for _, scope := range a.Scopes {
		if label, known := scopeLabels[scope]; known {
			options = append(options, a.option(scope, label))
		}
	}
	return options
}

var scopeLabels = map[string]string{
	scopeOnce:        "this call only",
	scopeSession:     "this session",
	scopeTimeLimited: "a while",
	scopeUser:        "always",
}

func (a Approval) option(scope, label string) Option {
	o := Option{
		Scope: scope, Label: label,
		Checked: scope == a.chosen(),
		Timed:   scope == scopeTimeLimited,
		Saves:   a.Request.permission(scope, 0, a.ClientUnvouched).yes(),
	}
	if a.wide(scope) && !a.ClientUnvouched {
		o.SavesAny = a.Request.permission(scope, 0, true).yes()
	}
	return o
}

// chosen is the scope that is checked: the earlier choice, the default, or
// the narrowest on offer.
func (a Approval) chosen() string {
	for _, scope := range []string{a.Choice.Scope, a.DefaultScope} {
		if slices.Contains(a.Scopes, scope) {
			return scope
		}
	}
	if len(a.Scopes) == 0 {
		return ""
	}
	return a.Scopes[0]
}

func (Approval) wide(scope string) bool { return scope == scopeTimeLimited || scope == scopeUser }

// Wide says whether a scope beyond the session is on offer, so that it
// matters through which client.
func (a Approval) Wide() bool { return slices.ContainsFunc(a.Scopes, a.wide) }

// Chosen is the yes that is about to be confirmed.
func (a Approval) Chosen() Sentence {
	return a.Request.permission(a.Choice.Scope, a.Choice.TTL, a.Choice.AnyClient).yes()
}

// Block is what deny and block saves.
func (a Approval) Block() Sentence { return a.Request.permission("", 0, false).no(true) }

// A TTL is one choice of time.
type TTL struct {
	Duration time.Duration
	Checked  bool
}

var usualTTLs = []time.Duration{
	15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour,
	7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// TTLs are the times on offer for a time-limited yes, the longest allowed one
// last. The shortest is checked when none was chosen.
func (a Approval) TTLs() []TTL { return offer(a.MaxTTL, a.Choice.TTL) }

// offer lists the usual times up to a limit, and the limit itself.
func offer(limit, chosen time.Duration) []TTL {
	var all []TTL
	for _, d := range usualTTLs {
		if d < limit {
			all = append(all, TTL{d, d == chosen})
		}
	}
	if limit > 0 {
		all = append(all, TTL{limit, limit == chosen})
	}
	return all
}

// Who tells who may answer, for those who may not.
func (a Approvers) Who(subject string) Sentence {
	if len(a.Roles) == 0 && len(a.Users) == 0 {
		return Sentence{}.say("Only ").quote(subject).say(" may answer.")
	}
	var s Sentence
	s = s.say("May answer: ")
	for i, name := range a.Users {
		s = s.join(i, name)
	}
	for i, role := range a.Roles {
		s = s.join(i+len(a.Users), "").say("everybody with the role ").quote(role)
	}
	return s.say(".")
}

func (s Sentence) join(i int, name string) Sentence {
	if i > 0 {
		s = s.say(", ")
	}
	if name == "" {
		return s
	}
	return s.quote(name)
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

// Who names the call in one line: client, person, tool, app and site.
func (r Request) Who() Sentence {
	client := r.Client.Name
	if strings.TrimSpace(client) == "" {
		client = "An agent without a name"
	}
	s := Sentence{}.quote(client).say(", for ").quote(r.Subject).say(", wants to use ").quote(r.Tool).say(" in ").quote(r.App)
	if r.Site != "" {
		s = s.say(", ").quote(r.Site)
	}
	return s.say(".")
}
