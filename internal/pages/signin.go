package pages

import "net/url"

// A SignIn is the page /login.
type SignIn struct {
	// Next is the page to go on to, a path of ours; it travels in the query
	// of the form's address.
	Next string
	// For says which agent or page asks, such as "answer an approval"; "" when
	// somebody came by themself.
	For string
	// Agent asks to be connected; the zero Agent: none does.
	Agent Agent
	// Username is put into the form, when somebody signs in again.
	Username string
	// Providers are where to sign in elsewhere. NoPassword: only there.
	Providers  []Provider
	NoPassword bool
	// Problem is credentials (the same for an unknown name and a wrong
	// password), limited, expired, or what a provider's answer lacked: refused,
	// declined, stale, other, linked or kept_out; "" when the form is new.
	Problem string
	// Again: the person is signed in, but too long ago for what they want.
	Again bool
}

// A Provider is an identity provider to sign in at.
type Provider struct{ ID, Name string }

func (SignIn) template() string { return "signin" }
func (SignIn) section() string  { return "" }
func (SignIn) title() string    { return "Sign in" }

// Action is the address of the form.
func (s SignIn) Action() string {
	if s.Next == "" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {s.Next}}.Encode()
}

// Through is where signing in at a provider begins.
func (s SignIn) Through(p Provider) string {
	q := url.Values{"provider": {p.ID}}
	if s.Next != "" {
		q.Set("next", s.Next)
	}
	if s.Again {
		q.Set("reauth", "1")
	}
	return "/login?" + q.Encode()
}

// ProblemText explains why the form came back.
func (s SignIn) ProblemText() string { return signInProblems[s.Problem] }

var signInProblems = map[string]string{
	"credentials": "That name and password don't go together. Try again.",
	"limited":     "Too many attempts. Wait a minute, then try again.",
	"expired":     "This form has expired. Sign in once more.",
	"refused":     "What came back from there could not be believed, so nobody was signed in. Begin once more here, in this browser; if it stays, tell whoever runs this Ostiary.",
	"declined":    "You were not signed in there. Try again when you like.",
	"stale":       "You had to show there once more that it is you, and that was not done, or not told. Try again; if it stays, tell whoever runs this Ostiary.",
	"other":       "That was somebody else than who is signed in here. Sign out first to change.",
	"linked":      "That account is linked to somebody who comes in another way. Sign in as them.",
	"kept_out":    "You can't use this Ostiary. Whoever runs it can tell you why.",
}

// A SignedOut is the page after POST /logout.
type SignedOut struct{}

func (SignedOut) template() string { return "signedout" }
func (SignedOut) section() string  { return "" }
func (SignedOut) title() string    { return "Signed out" }
