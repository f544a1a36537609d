package upstream

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/internal/wire"
)

// A LogLevel ranks what servers log (RFC 5424 section 6.2.1). The zero
// LogLevel is none: nothing is to be heard.
type LogLevel uint8

// levelNames are the levels as they are written, the most talkative first.
var levelNames = []string{"", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// LogLevels lists the names of the levels, the most talkative first.
func LogLevels() []string { return slices.Clone(levelNames[1:]) }

// ParseLogLevel reads the name of a level; not ok for what is none.
func ParseLogLevel(name string) (l LogLevel, ok bool) {
	i := slices.Index(levelNames, name)
	return LogLevel(max(i, 0)), i > 0
}

func (l LogLevel) String() string {
	if int(l) >= len(levelNames) {
		return ""
	}
	return levelNames[l]
}

// Hears says whether who wants to hear of a level hears of a message of that
// other one.
func (l LogLevel) Hears(message LogLevel) bool { return l != 0 && message >= l }

// wantLogs tells an upstream of an era with sessions how much it is to log.
// The level is one of the connection, and others may want more than this
// caller: it is only ever made more talkative, and what a caller does not want
// is left out on the way to them. Where the transport can't tell whose a
// message is, it goes to nobody, and is not asked for.
func (c *conn) wantLogs(ctx context.Context, level LogLevel) {
	if level == 0 || c.has.Logging == nil || wire.Stateless(c.version) || c.app.spec.Shared && c.app.transport.Costly() {
		return
	}
	select {
	case c.leveling <- struct{}{}:
		defer func() { <-c.leveling }()
	case <-ctx.Done():
		return
	}
	if c.level != 0 && c.level <= level {
		return
	}
	params := append(wire.AppendString([]byte(`{"level":`), level.String()), '}')
	reply, err := c.call(ctx, Request{Method: wire.MethodSetLevel, Params: params})
	switch {
	case err != nil:
		c.app.log.Debug("ask for logs", "level", level.String(), "error", err)
		return // and asked again by the next call
	case reply.Err != nil:
		c.app.log.Debug("the upstream does not log as it was asked to", "level", level.String(), "answer", Excerpt(reply.Err))
	}
	c.level = level
}
