package pages

import "time"

// An Again is the page on which a person gives an agent once more what they had
// remembered. It has one yes and no list to choose from.
type Again struct {
	Action  string // path of the form
	Agent   Agent
	Returns Returns
	Person  string
	Tier    string
	Apps    []AgainApp
	Skip    []string // ids of apps that stay skipped
	Seconds int64    // until Ends
	Ends    time.Time
	NoTools bool // people are not asked to choose tools here
}

func (Again) template() string { return "again" }
func (Again) section() string  { return "" }
func (Again) title() string    { return "Connect an agent again" }

// An AgainApp is an app that the agent gets again.
type AgainApp struct {
	ID, Name string
	Tools    []string // canonical ids; "crm:*" is the whole app
}

// Label is the name, or else the id.
func (a AgainApp) Label() string { return Choosable{ID: a.ID, Name: a.Name}.Label() }

// ToolList is for people.
func (a AgainApp) ToolList() string { return listOr(a.Tools, "none of its tools") }
