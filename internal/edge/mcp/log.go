package mcp

import (
	"context"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// statelessClient reads from a message itself what is to be known of its
// client.
func (x *exchange) statelessClient(m *wire.Message, version string) (client, *answer) {
	c := client{version: version, elicitsURLs: elicitsURLs(m.Meta.ClientCapabilities)}
	if m.Meta.LogLevel == nil {
		return c, nil
	}
	name, _ := wire.Text(m.Meta.LogLevel)
	level, ok := upstream.ParseLogLevel(name)
	if !ok {
		a := x.failed(http.StatusBadRequest, m.ID, wire.CodeInvalidParams, "params._meta: "+wire.MetaLogLevel+noLevel())
		return client{}, &a
	}
	c.level = level
	return c, nil
}

func noLevel() string { return " must be one of " + strings.Join(upstream.LogLevels(), ", ") + "." }

// setLevel says for all of a session from which level on its client wants to
// hear logs (2025-11-25 server/utilities/logging). Nobody is asked: it is
// about what comes back of calls, each of which is decided.
func (q *question) setLevel(ctx context.Context) answer {
	name, _ := wire.LookupText(q.m.Params, "level")
	level, ok := upstream.ParseLogLevel(name)
	if !ok {
		return q.errored(wire.CodeInvalidParams, "params.level"+noLevel(), nil)
	}
	err := q.sessions.change(ctx, q.client.session, func(r *record) bool {
		changed := r.Level != level
		r.Level = level
		return changed
	})
	if err != nil {
		return q.unkept(err)
	}
	return q.answered([]byte("{}"))
}

// unkept answers a request that changes a session, which could not be kept.
func (q *question) unkept(err error) answer {
	q.config.Logger.Error("a transport session could not be changed", "method", q.m.Method, "error", err)
	return q.errored(wire.CodeInternalError, "Ostiary can't keep this just now. Try again later.", nil)
}

// hearsLog says whether the client wants to hear of a log message. One whose
// level nobody knows is heard by nobody.
func (q *question) hearsLog(raw []byte) bool {
	name, _ := wire.LookupText(raw, "params", "level")
	level, ok := upstream.ParseLogLevel(name)
	return ok && q.client.level.Hears(level)
}
