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
	// Problem is credentials (the same for an unknown name and a wrong
	// password), limited or expired; "" when the form is new.
	Problem string
	// Again: the person is signed in, but too long ago for what they want.
	Again bool
}

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

// ProblemText explains why the form came back.
func (s SignIn) ProblemText() string { return signInProblems[s.Problem] }

var signInProblems = map[string]string{
	"credentials": "That name and password don't go together. Try again.",
	"limited":     "Too many attempts. Wait a minute, then try again.",
	"expired":     "This form has expired. Sign in once more.",
}

// A SignedOut is the page after POST /logout.
type SignedOut struct{}

func (SignedOut) template() string { return "signedout" }
func (SignedOut) section() string  { return "" }
func (SignedOut) title() string    { return "Signed out" }
