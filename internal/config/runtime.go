package config

// Policies is the group `policies`.
type Policies struct {
	// Cedar files.
	Files []string `yaml:"files"`
	// false records what would have been denied.
	Enforce bool `yaml:"enforce" default:"true"`
}

// MCP is the group `mcp`.
type MCP struct {
	// What stands between app and tool in the names that clients see. It contains
	// "_" or is one of . : /
	ToolNameSeparator string `yaml:"tool_name_separator" default:"__" pattern:"^([A-Za-z0-9-]*_[A-Za-z0-9_-]*|[.:/])$"`
	// What the gateway tells clients about itself.
	Instructions string `yaml:"instructions"`
}

// Logging is the group `logging`.
type Logging struct {
	// The least that is logged.
	Level LogLevel `yaml:"level" default:"info"`
	// The form of the lines.
	Format LogFormat `yaml:"format" default:"text"`
}

// Telemetry is the group `telemetry`.
type Telemetry struct {
	// Where traces are sent; "" is nowhere.
	OTLPEndpoint string `yaml:"otlp_endpoint"`
}

// A LogLevel is the least that is logged.
type LogLevel string

// The values of `logging.level`.
const (
	LevelDebug LogLevel = "debug"
	LevelInfo  LogLevel = "info"
	LevelWarn  LogLevel = "warn"
	LevelError LogLevel = "error"
)

func (LogLevel) options() []string { return texts(LevelDebug, LevelInfo, LevelWarn, LevelError) }

// A LogFormat is the form of log lines.
type LogFormat string

// The values of `logging.format`.
const (
	FormatText LogFormat = "text"
	FormatJSON LogFormat = "json"
)

func (LogFormat) options() []string { return texts(FormatText, FormatJSON) }
