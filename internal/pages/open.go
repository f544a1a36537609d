package pages

// An Open is the page on which a person opens an app for agents that they have
// connected before.
type Open struct {
	Action  string
	App     ConsentApp
	Agents  []OpenFor
	Asked   string // scopes that a call needed; "" for none in particular
	Scopes  []OpenScope
	Tier    string // chosen; "": as it is
	NoTools bool   // people are not asked to choose tools here
	Shown   []string
	Problem string
}

// An OpenScope is a scope of the app, which some of its tools need besides a
// tier.
type OpenScope struct {
	Scope   string
	Checked bool
	Needed  bool // by a call
}

// An OpenFor is an agent on offer.
type OpenFor struct {
	ConnectedAgent
	Checked bool
}

func (Open) template() string { return "open" }
func (Open) section() string  { return "account" }
func (Open) title() string    { return "Open an app for an agent" }

// Tiers are those that an agent can be raised to.
func (o Open) Tiers() []TierChoice {
	all := TokenForm{}.Tiers()
	for i := range all {
		all[i].Checked = all[i].Tier == o.Tier
	}
	return all
}
