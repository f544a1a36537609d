package pages

import (
	"html/template"
	"slices"
	"time"
)

// A Consent is the page on which a person says what an agent gets.
type Consent struct {
	Action  string // path of the form
	Agent   Agent
	Returns Returns
	Message string // the operator's sentence above the list
	Person  string
	// Tier is the chosen one; MaxTier the highest that was asked for.
	Tier, MaxTier string
	Apps          []ConsentApp
	NoTools       bool // people are not asked to choose tools here
	AllowSkip     bool
	Sites         []string
	End, MaxEnd   time.Duration // chosen; the longest on offer
	// Admin: the person has admin rights, which the agent gets where KeepAdmin
	// is ticked.
	Admin, KeepAdmin bool
	// Remembers: the person may have their yes remembered, by ticking Remember.
	Remembers, Remember bool
	Providers           bool   // there are accounts elsewhere to link
	Problem             string // why the form came back; "" when it is new
}

func (Consent) template() string { return "consent" }
func (Consent) section() string  { return "" }
func (c Consent) title() string  { return "Connect " + inTitle(c.Agent.Label()) }

// Before says whether the person has connected the agent before: then what is
// new since is marked.
func (c Consent) Before() bool {
	return slices.ContainsFunc(c.Apps, func(a ConsentApp) bool { return a.State == "authorized" })
}

// An Agent is the client that asks, as far as it is known.
type Agent struct {
	Name string // in its own words, unless the operator or a domain vouches for it
	ID   string
	Host string // the domain that vouches for it; "" for none
	// Known is operator, domain or registered (by itself, unverified).
	Known string
	// Unproven: what asks is a program on somebody's computer, and any there can
	// say that it is this one.
	Unproven bool
}

// Label is the name, or else the id.
func (a Agent) Label() string {
	if a.Name == "" {
		return a.ID
	}
	return a.Name
}

// FullName is a name of which Label shows a part; "" where it shows all.
func (a Agent) FullName() string {
	if brief(a.Label()) == a.Label() {
		return ""
	}
	return a.Label()
}

// Returns is where the answer to an agent goes.
type Returns struct {
	Host     string // of a web address
	Scheme   string // of a program's own address; "" for web addresses
	Loopback bool   // an app on this computer
}

// A ConsentApp is an app on offer.
type ConsentApp struct {
	Choosable
	Description string
	Asked       []string // scopes of it, that were asked for by name
	MaxTier     string   // the highest that it can be given at
	State       string   // authorized, pending, skipped
	Whole       bool     // all of its tools are ticked
	Skipped     bool     // skipping it is ticked
	Reads       bool     // what only reads works also when it is skipped
	Groups      []ToolGroup
}

// An appOnOffer is an app with the page around it, for its template.
type appOnOffer struct {
	View  Consent
	Index int
	App   ConsentApp
}

// A groupOnOffer is a group with the app around it, for its template.
type groupOnOffer struct {
	ID    string // what the ids of its elements end with
	App   ConsentApp
	Group ToolGroup
}

// A ToolGroup is the tools of an app that do the same kind of thing.
type ToolGroup struct {
	Kind  string // read, write, destructive
	Tools []ConsentTool
}

// Heading says in words what the tools of the group do.
func (g ToolGroup) Heading() string {
	return map[string]string{"read": "Look at things", "write": "Change things", "destructive": "Delete, run or administer"}[g.Kind]
}

// Risky says whether the group deserves a warning.
func (g ToolGroup) Risky() bool { return g.Kind == "destructive" }

// A ConsentTool is a tool on offer.
type ConsentTool struct {
	Choosable
	Description string
	Scopes      []string // behind it
	Had         bool     // agreed to before
	Admin       bool     // of use only together with the person's admin rights
}

// AskedList is for people.
func (a ConsentApp) AskedList() string { return listOr(a.Asked, "") }

// ScopeList is for people.
func (t ConsentTool) ScopeList() string { return listOr(t.Scopes, "") }

// Tiers are the tiers on offer, up to the highest that was asked for.
func (c Consent) Tiers() []TierChoice {
	var all []TierChoice
	for _, t := range (TokenForm{Tier: c.Tier}).Tiers() {
		all = append(all, t)
		if t.Tier == c.MaxTier {
			break
		}
	}
	return all
}

// Ends are the times on offer.
func (c Consent) Ends() []TTL { return offer(c.MaxEnd, c.End) }

// SiteList is for people.
func (c Consent) SiteList() string { return listOr(c.Sites, "none") }

// A Connected is the page after a decision, for agents whose own address a
// browser may not open by itself, and for who decided twice.
type Connected struct {
	Agent Agent
	To    template.URL // held to the client's redirect URIs; "": the agent has its answer
	Yes   bool
}

func (Connected) template() string { return "connected" }
func (Connected) section() string  { return "" }
func (Connected) title() string    { return "Return to your agent" }

// A Refused is the page for an agent that can't be answered: the client is not
// known, or the answer may not go where it says.
type Refused struct {
	Problem string // client_unknown, document, client_unreachable, redirect, request
	Detail  string // what was wrong, for who sets the agent up; shown as text
}

func (Refused) template() string { return "refused" }
func (Refused) section() string  { return "" }
func (Refused) title() string    { return "This agent can't be connected" }

// Words say what happened and what to do.
func (r Refused) Words() FaultText { return refusedTexts[r.Problem] }

var refusedTexts = map[string]FaultText{
	"client_unknown": {
		"This agent isn't known here", "It uses an id that this Ostiary has never given out or has forgotten. Nothing was sent to it.",
		"In the agent, sign out of this server or clear what it has stored about it, then connect again: it registers anew.",
	},
	"document": {
		"What this agent says of itself can't be used", "Its id is the address of a document about it, and what was found there is none that can be taken. Nothing was sent to it.",
		"Nothing in the agent's settings helps: show this page to whoever made the agent.",
	},
	"client_unreachable": {
		"This agent can't be checked now", "What its maker says about it could not be fetched. Nothing was sent to it.",
		"Try again in a minute. If it stays, tell whoever runs this Ostiary.",
	},
	"redirect": {
		"The answer may not go there", "The agent wants its answer at an address that it is not registered for. It might not be the agent that it says it is, so nothing was sent.",
		"Start again from the agent. If it stays, ask whoever made the agent, or whoever runs this Ostiary.",
	},
	"request": {
		"The agent's request can't be read", "Something in the address that the agent opened is missing or stands twice. Nothing was sent to it.",
		"Start again from the agent.",
	},
}
