package pages

import (
	"strings"
	"time"
)

// A Client is the agent that asks.
type Client struct {
	Name     string
	Verified bool // the operator or a verified domain vouches for the name
	// Personal: it came with a personal token of the subject's, whose name is
	// its owner's words. Its name is never shown as verified.
	Personal bool
}

// A Request is an approval request: who wants what.
type Request struct {
	ID        string // req_…
	Subject   string // as people know them: name, address or id
	Client    Client
	Tool      string // the upstream's own name
	App       string // its name for people
	Site      string // "" when the tool has none
	Category  string // read, write, delete, execute, admin
	Risk      string // low, medium, high, critical
	Message   string // the operator's sentence, not filled in; see Message
	Arguments []byte // the JSON object, byte for byte
	// ArgumentsDigest tells equal arguments from different ones.
	ArgumentsDigest string
	Status          string // pending, approved, denied, expired
	CreatedAt       time.Time
	ExpiresAt       time.Time
	Decisions       []Decision // in order; those before the last are votes
	VotesNeeded     int        // different people; 0 counts as 1
}

// A Decision is one person's answer.
type Decision struct {
	By        string // name for people
	Decision  string // approve, deny, block
	Scope     string // of an approval: once, session, time_limited, user
	TTL       time.Duration
	AnyClient bool
	Reason    string
	Origin    string // page, cli, api
	At        time.Time
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

// Question is what the page is about, in one sentence: the operator's, or
// ours where there is none.
func (r Request) Question() Sentence {
	if r.Message != "" {
		return Message(r.Message, r.Arguments)
	}
	return Sentence{}.say("Allow ").quote(r.Tool).say(" in ").quote(r.App).say("?")
}

// Serious says whether a yes needs a second confirmation. A risk that is not
// known to be lower is serious.
func (r Request) Serious() bool { return r.Risk != "low" && r.Risk != "medium" }

// Pending says whether the request still waits at a moment.
func (r Request) Pending(now time.Time) bool { return r.Status == "pending" && now.Before(r.ExpiresAt) }

// Outcome is the request's status at a moment, where what ran out is expired.
func (r Request) Outcome(now time.Time) string {
	if r.Status == "pending" && !r.Pending(now) {
		return "expired"
	}
	return r.Status
}

// Last is the answer that decided, and whether there was one.
func (r Request) Last() *Decision {
	if len(r.Decisions) == 0 {
		return nil
	}
	return &r.Decisions[len(r.Decisions)-1]
}

// Saved says what an answer saved.
func (r Request) Saved(d Decision) Sentence {
	p := r.permission(d.Scope, d.TTL, d.AnyClient)
	if d.Decision == "approve" {
		return p.yes()
	}
	return p.no(d.Decision == "block")
}

func (r Request) permission(scope string, ttl time.Duration, anyClient bool) permission {
	p := permission{Subject: r.Subject, Client: r.Client.Name, Personal: r.Client.Personal, Tool: r.Tool, App: r.App, Site: r.Site, Scope: scope, TTL: ttl}
	narrow := scope == scopeOnce || scope == scopeSession
	switch {
	case anyClient && !narrow:
		p.Client, p.Personal = "", false
	case p.Client == "":
		p.Client = "an agent without a name"
	}
	return p
}

// Verb is an answer as a word of the past.
func (d Decision) Verb() string {
	switch d.Decision {
	case "approve":
		return "approved"
	case "block":
		return "denied and blocked"
	default:
		return "denied"
	}
}

// Way tells where somebody answered.
func (d Decision) Way() string {
	switch d.Origin {
	case "page":
		return "on this page"
	case "cli":
		return "in a terminal"
	case "api":
		return "through the API"
	default:
		return d.Origin
	}
}
