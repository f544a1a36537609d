package pages

import "net/url"

// A LinkedAccounts is the page /account/providers: where a person shows that
// they are known at other providers, too.
type LinkedAccounts struct {
	Person   string
	Accounts []LinkedAccount
	// Next is where the reader was going, a path of ours; "": they came for this.
	// Agent is who waits there to be connected; the zero Agent: none does.
	Next  string
	Agent Agent
	// Problem is why an account was not linked: linked (somebody else's), link_made,
	// refused, declined, other or kept_out; "" for none.
	Problem string
	Done    string // link, unlink, or ""
}

// A LinkedAccount is a provider, and who the reader is there.
type LinkedAccount struct {
	ID, Name string
	Required bool
	Names    bool   // they sign in here through it
	As       string // the account that is linked; "": none
}

func (LinkedAccounts) template() string { return "linked" }
func (LinkedAccounts) section() string  { return "account" }
func (LinkedAccounts) title() string    { return "Linked accounts · Account" }

// Linked says whether nothing is left to do there.
func (a LinkedAccount) Linked() bool { return a.Names || a.As != "" }

// Missing says whether something that is required is not linked yet.
func (l LinkedAccounts) Missing() bool {
	for _, a := range l.Accounts {
		if a.Required && !a.Linked() {
			return true
		}
	}
	return false
}

// At is where linking an account begins.
func (l LinkedAccounts) At(a LinkedAccount) string {
	q := url.Values{"link": {"1"}, "provider": {a.ID}}
	if l.Next != "" {
		q.Set("next", l.Next)
	}
	return "/login?" + q.Encode()
}

// ProblemText explains why an account was not linked.
func (l LinkedAccounts) ProblemText() string { return linkProblems[l.Problem] }

var linkProblems = map[string]string{
	"linked":    "That account is somebody's here already. It may be your own, if you have signed in with it: then sign in with it, or ask whoever runs this Ostiary.",
	"link_made": "You have another account of theirs here. Unlink that one first.",
	"refused":   "What came back from there could not be believed, so nothing was linked. Begin once more; if it stays, tell whoever runs this Ostiary.",
	"declined":  "Nothing was linked. Try again when you like.",
	"other":     "Somebody else is signed in here than who began. Nothing was linked.",
	"kept_out":  "That account can't be used here. Whoever runs this Ostiary can tell you why.",
	"stale":     "You had to show there once more that it is you, and that was not done. Try again.",
}

// DoneText says what was done.
func (l LinkedAccounts) DoneText() string {
	return map[string]string{"link": "Linked.", "unlink": "Unlinked."}[l.Done]
}
