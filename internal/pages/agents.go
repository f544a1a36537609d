package pages

import (
	"strings"
	"time"
)

// An Agents is the page /account/agents.
type Agents struct {
	Agents []ConnectedAgent // working ones first, newest first
	// Apps are those that can be opened for agents, or widened.
	Apps       []Choosable
	Remembered []RememberedConsent
	// Done is what the reader just did: revoke, close, widen, forget, or "".
	Done string
}

// A RememberedConsent is a yes that the reader had remembered.
type RememberedConsent struct {
	ID     string
	Agent  Agent
	Origin string // that answers went to
	Tier   string
	Apps   []Choosable
	Tools  []string // agreed to, canonical ids; "crm:*" is the whole app
	Given  time.Time
	Ends   time.Time
}

// ToolList is for people.
func (c RememberedConsent) ToolList() string { return listOr(c.Tools, "none") }

// Label is the agent's name for a button.
func (c RememberedConsent) Label() Sentence { return Sentence{}.quote(c.Agent.Label()) }

// A ConnectedAgent is an authorization session: what the reader gave one agent.
type ConnectedAgent struct {
	ID          string
	Agent       Agent // as it was when it was connected
	Tier        string
	Apps        []Choosable // open ones
	Tools       []string    // agreed to, canonical ids; "crm:*" is the whole app
	KeepAdmin   bool
	ConnectedAt time.Time
	LastUsedAt  time.Time // zero: never
	ExpiresAt   time.Time // zero: never
	EndedAt     time.Time // zero: it works
	EndReason   string
}

func (Agents) template() string { return "agents" }
func (Agents) section() string  { return "account" }
func (Agents) title() string    { return "Connected agents · Account" }

// ToolList is for people.
func (a ConnectedAgent) ToolList() string {
	var all []string
	for _, id := range a.Tools {
		if app, whole := strings.CutSuffix(id, ":*"); whole {
			id = "all of " + app
		}
		all = append(all, id)
	}
	return listOr(all, "none")
}

// Label is the agent's name for a button.
func (a ConnectedAgent) Label() Sentence { return Sentence{}.quote(a.Agent.Label()) }

// DoneText says what was done.
func (a Agents) DoneText() string {
	return map[string]string{
		"revoke": "Cut off. It can't call anything any more, and has to be connected anew.",
		"widen":  "Done. Return to your agent; nothing to copy.",
		"close":  "Closed. The agent doesn't reach the app any more.",
		"forget": "Forgotten. You are shown the whole list when it asks again; what is connected stays so.",
	}[a.Done]
}
