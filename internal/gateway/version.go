package gateway

import (
	"runtime/debug"

	"github.com/ostiary/ostiary/internal/edge/api"
)

// Version is that of this build: the module's version, or the revision it
// was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

// TerminalAgent is the User-Agent of the command line.
func TerminalAgent() string { return api.TerminalAgent + Version() }
