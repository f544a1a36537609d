package pages

import (
	"net/url"
	"slices"
	"time"
)

// A Search is how a list for operators was narrowed, and where it goes on.
type Search struct {
	Text  string // looked for
	State string // of the states that the list has; "" for all
	Next  string // address of what follows; "" on the last page
}

// states are a list's states, the chosen one checked.
func (s Search) states(all ...Choosable) []Choosable {
	for i := range all {
		all[i].Checked = all[i].ID == s.State
	}
	return all
}

// A People is the page /admin/people.
type People struct {
	Search Search
	Tenant string // of the reader; "" sees all
	People []Person
}

func (People) template() string { return "people" }
func (People) section() string  { return "admin" }
func (People) title() string    { return "People · Admin" }

// States are those that the list can be narrowed to.
func (p People) States() []Choosable {
	return p.Search.states(Choosable{ID: "", Name: "everybody"}, Choosable{ID: "operator", Name: "operators"}, Choosable{ID: "disabled", Name: "disabled"})
}

// A Person is somebody of the directory.
type Person struct {
	ID         string
	Email      string
	Tenant     string
	Roles      []string
	Operator   bool
	Disabled   bool
	Configured bool   // in the configuration file
	Provider   string // who vouches for them; "" for ours
	CreatedAt  time.Time
}

// RoleList is for people.
func (p Person) RoleList() string { return listOr(p.Roles, "none") }

// Path is the person's own page.
func (p Person) Path() string { return "/admin/people/" + url.PathEscape(p.ID) }

// A OnePerson is the page /admin/people/{id}, with what is tied to them.
type OnePerson struct {
	Person      Person
	Tied        Tied
	Tokens      []PersonalToken // newest first
	MoreTokens  bool            // there are more than these
	SignInAgain string          // as in PersonalTokens
	Done        string          // what the reader just did: end, or ""
}

func (OnePerson) template() string { return "person" }
func (OnePerson) section() string  { return "admin" }
func (p OnePerson) title() string  { return inTitle(p.Person.ID) + " · People · Admin" }

// AllTied is where all of the person's sessions are.
func (p OnePerson) AllTied() string {
	return "/admin/sessions?" + url.Values{"subject": {p.Person.ID}}.Encode()
}

// A Tied is the newest sessions of a person or client.
type Tied struct {
	Sessions []AgentSession
	More     bool // there are more than these
}

// Works says whether any of them is in force.
func (t Tied) Works() bool {
	return slices.ContainsFunc(t.Sessions, func(s AgentSession) bool { return s.EndedAt.IsZero() })
}

// Works says whether anything of what is shown acts in the person's name.
func (p OnePerson) Works() bool {
	return p.Tied.Works() || slices.ContainsFunc(p.Tokens, func(t PersonalToken) bool { return t.EndedAt.IsZero() })
}

// A Clients is the page /admin/clients.
type Clients struct {
	Search  Search
	Tenant  string
	Clients []OAuthClient
}

func (Clients) template() string { return "clients" }
func (Clients) section() string  { return "admin" }
func (Clients) title() string    { return "Clients · Admin" }

// States are those that the list can be narrowed to.
func (c Clients) States() []Choosable {
	return c.Search.states(Choosable{ID: "", Name: "all"}, Choosable{ID: "static", Name: "set up by the operator"},
		Choosable{ID: "document", Name: "known by their domain"}, Choosable{ID: "registered", Name: "registered by themselves"})
}

// An OAuthClient is who may ask for tokens.
type OAuthClient struct {
	Agent      Agent
	Kind       string
	Site       string // in its own words
	Loopback   bool   // it may return to every loopback address
	Redirects  []string
	Scopes     []string
	CreatedAt  time.Time // zero: not known
	LastUsedAt time.Time // zero: never, or not known
}

// Path is the client's own page.
func (c OAuthClient) Path() string { return "/admin/clients/" + url.PathEscape(c.Agent.ID) }

// ReturnList and ScopeList are for people.
func (c OAuthClient) ReturnList() string {
	if c.Loopback {
		return "any program on its person's computer"
	}
	return listOr(c.Redirects, "nowhere")
}

// ScopeList is like ReturnList.
func (c OAuthClient) ScopeList() string { return listOr(c.Scopes, "none") }

// A OneClient is the page /admin/clients/{id}, with what is tied to it.
type OneClient struct {
	Client      OAuthClient
	Tenant      string // of the reader, who sees what is of it
	Tied        Tied
	SignInAgain string
	Done        string
}

func (OneClient) template() string { return "client" }
func (OneClient) section() string  { return "admin" }
func (c OneClient) title() string  { return inTitle(c.Client.Agent.Label()) + " · Clients · Admin" }

// AllTied is where all of the client's sessions are.
func (c OneClient) AllTied() string {
	return "/admin/sessions?" + url.Values{"client": {c.Client.Agent.ID}}.Encode()
}

// A Sessions is the page /admin/sessions.
type Sessions struct {
	Search   Search
	Subject  string // whose; "" everybody's
	Client   string // of which client; "" of all
	Tenant   string
	Sessions []AgentSession
}

func (Sessions) template() string { return "sessions" }
func (Sessions) section() string  { return "admin" }
func (Sessions) title() string    { return "Sessions · Admin" }

// States are those that the list can be narrowed to.
func (s Sessions) States() []Choosable {
	return s.Search.states(Choosable{ID: "", Name: "all"}, Choosable{ID: "working", Name: "working"}, Choosable{ID: "over", Name: "over"})
}

// An AgentSession is what one person gave one agent, as operators see it.
type AgentSession struct {
	ConnectedAgent
	Subject    string
	Machine    bool // the subject is a machine client
	Tenant     string
	Resources  []string
	Scopes     []string
	SignedInAt time.Time // when its person signed in for it
}

// Path is the session's own page.
func (a AgentSession) Path() string { return "/admin/sessions/" + url.PathEscape(a.ID) }

// ClientPath and PersonPath are the pages of whose it is.
func (a AgentSession) ClientPath() string { return OAuthClient{Agent: a.Agent}.Path() }

// PersonPath is like ClientPath.
func (a AgentSession) PersonPath() string { return Person{ID: a.Subject}.Path() }

// ResourceList and ScopeList are for people.
func (a AgentSession) ResourceList() string { return listOr(a.Resources, "none") }

// ScopeList is like ResourceList.
func (a AgentSession) ScopeList() string { return listOr(a.Scopes, "none") }

// A OneSession is the page /admin/sessions/{id}.
type OneSession struct {
	Session     AgentSession
	ClientKnown bool // it has a page
	SignInAgain string
	Done        string
}

func (OneSession) template() string { return "session" }
func (OneSession) section() string  { return "admin" }

func (s OneSession) title() string {
	return inTitle(s.Session.Agent.Label()) + " for " + inTitle(s.Session.Subject) + " · Sessions · Admin"
}

// An Ending is the page that asks an operator whether they are sure.
type Ending struct {
	Action string // path of the form, and the item's page
	What   Ended
}

func (Ending) template() string { return "ending" }
func (Ending) section() string  { return "admin" }
func (Ending) title() string    { return "Are you sure? · Admin" }

// An Ended is what ends: everything of a person or client, or one session.
type Ended struct {
	Kind    string // person, client, session, token
	Name    string
	Subject string // whose session or token
	Token   string // id
	Tenant  string // it ends within that tenant only; "" everywhere
}

// Question asks for it.
func (e Ended) Question() Sentence {
	switch e.Kind {
	case "person":
		return Sentence{}.say("End everything in the name of ").quote(e.Name).say("?")
	case "client":
		s := Sentence{}.say("End everything that ").quote(e.Name).say(" was given")
		if e.Tenant != "" {
			s = s.say(" in ").quote(e.Tenant)
		}
		return s.say("?")
	case "token":
		return Sentence{}.say("Revoke the personal token ").quote(e.Name).say(" of ").quote(e.Subject).say("?")
	}
	return Sentence{}.say("Cut off ").quote(e.Name).say(" for ").quote(e.Subject).say("?")
}

// Means says what happens then.
func (e Ended) Means() string {
	return map[string]string{
		"token":   "Whatever calls tools with it can't any more. Its owner can make another.",
		"session": "The agent can't call anything any more. Its person can connect it anew.",
		"person":  "All of their agents are cut off, their personal and operator tokens are revoked, they are signed out everywhere, and every yes in force is taken back. What they are denied stays denied. They can sign in and begin anew.",
		"client":  "Every person's agent of this kind is cut off, and every yes that was given for it is taken back. People can connect it anew.",
	}[e.Kind]
}

// inTitle is a name in a title, where nothing can be styled.
func inTitle(name string) string { return flatText(brief(name)) }
