package config

// Config is the whole configuration file. Load and Parse return it complete:
// every default is filled in, every value is checked, and nobody changes it
// afterwards, so it may be read from any goroutine.
type Config struct {
	// Where the gateway listens and what it believes about the network around it.
	Server Server `yaml:"server"`
	// Where everything that must survive is kept, and the keys it is sealed with.
	Storage Storage `yaml:"storage"`
	// Who may come in: people, agents, tokens.
	Auth Auth `yaml:"auth"`
	// The upstream servers behind the gateway, one entry each.
	Apps []App `yaml:"apps"`
	// Rules over tools. They are applied in order: a later entry replaces the
	// groups it names. An entry that would widen an earlier, narrower one by
	// replacing its `approval`, `site` or `authorization` is refused.
	Tools []ToolRule `yaml:"tools"`
	// How tools are held apart by site.
	Sites Sites `yaml:"sites"`
	// What a person's roles open.
	Roles Roles `yaml:"roles"`
	// How people are asked before a risky call, and for how long.
	Approvals Approvals `yaml:"approvals"`
	// Named tasks with an allow list of tools.
	Skills Skills `yaml:"skills"`
	// Cedar policies.
	Policies Policies `yaml:"policies"`
	// The record of what happened.
	Audit Audit `yaml:"audit"`
	// How the gateway shows itself to MCP clients.
	MCP MCP `yaml:"mcp"`
	// The gateway's own log, on standard error.
	Logging Logging `yaml:"logging"`
	// Traces.
	Telemetry Telemetry `yaml:"telemetry"`

	// Process holds what comes from the environment and not from the file.
	Process Process `yaml:"-"`
}

// Loopback reports whether only this machine can reach the gateway's listener.
func (c *Config) Loopback() bool { return c.Server.Loopback() }

// App returns the app with this id.
func (c *Config) App(id string) (App, bool) {
	for _, a := range c.Apps {
		if a.ID == id {
			return a, true
		}
	}
	return App{}, false
}
