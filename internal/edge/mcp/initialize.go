package mcp

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// sessionVersions are those that begin with initialize, newest first.
var sessionVersions = []string{wire.Version20251125, wire.Version20250618, wire.Version20250326}

// capabilities are what the gateway offers, whatever is behind it; telling of
// changes of resources is up to the apps.
func (x *exchange) capabilities() string {
	resources := `{"listChanged":true}`
	if x.config.Catalogue.Now().SubscribesAt(x.endpoint) {
		resources = `{"subscribe":true,"listChanged":true}`
	}
	return `{"tools":{"listChanged":true},"resources":` + resources + `,"prompts":{"listChanged":true},"completions":{},"logging":{}}`
}

// statelessCapabilities are those with what only clients of 2026-07-28 may see.
func (x *exchange) statelessCapabilities() string {
	return strings.TrimSuffix(x.capabilities(), "}") + `,"extensions":{"` + wire.ExtensionTasks + `":{}}}`
}

// initialize begins a transport session. "If the server supports the
// requested protocol version, it MUST respond with the same version.
// Otherwise, the server MUST respond with another protocol version it
// supports" (2025-11-25 basic/lifecycle).
func (x *exchange) initialize(m *wire.Message) answer {
	if err := wire.CheckHeaders(x.values, m); err != nil {
		return x.malformed(m.ID, err)
	}
	if m.Kind != wire.Request {
		return x.failed(http.StatusBadRequest, nil, wire.CodeInvalidRequest, "initialize needs an id.")
	}
	version, ok := wire.LookupText(m.Params, "protocolVersion")
	if !ok {
		return x.failed(http.StatusBadRequest, m.ID, wire.CodeInvalidParams, "initialize needs a protocolVersion.")
	}
	if !slices.Contains(sessionVersions, version) {
		version = sessionVersions[0]
	}
	if err := x.names(version); err != nil {
		return x.malformed(m.ID, err)
	}
	declared, _ := wire.Lookup(m.Params, "capabilities")
	id, err := x.sessions.create(x.who, x.endpoint, version, upstream.Declared(declared, version))
	if err != nil {
		x.config.Logger.Error("a transport session could not be made", "error", err)
		return x.failed(http.StatusInternalServerError, m.ID, wire.CodeInternalError, "A session could not be made.")
	}
	return answer{id: m.ID, session: id, result: x.initialized(version)}
}

// names holds the header of initialize, where there is one, to the version that
// is agreed on. A client that begins a session again may still send what was
// agreed on for the one before; that was the same, since it asks for the same.
func (x *exchange) names(version string) error {
	header := x.values(wire.HeaderVersion) // one at most: that was checked
	if len(header) == 0 || header[0] == "" || header[0] == version {
		return nil
	}
	return &wire.HeaderError{Code: wire.CodeHeaderMismatch, Header: wire.HeaderVersion, Detail: header[0] + ", and what is agreed on is " + version}
}

func (x *exchange) initialized(version string) []byte {
	dst := wire.AppendString([]byte(`{"protocolVersion":`), version)
	dst = append(append(dst, `,"capabilities":`...), x.capabilities()...)
	dst = append(append(dst, `,"serverInfo":`...), x.serverInfo()...)
	return append(x.appendInstructions(dst), '}')
}

func (h *Handler) serverInfo() []byte {
	dst := wire.AppendString([]byte(`{"name":"ostiary","title":"Ostiary","version":`), h.config.Version)
	return append(dst, '}')
}

func (h *Handler) appendInstructions(dst []byte) []byte {
	if h.config.Instructions == "" {
		return dst
	}
	return wire.AppendString(append(dst, `,"instructions":`...), h.config.Instructions)
}

// discover tells a client of 2026-07-28 what initialize tells others.
func (q *question) discover(context.Context) answer {
	dst := []byte(`{"resultType":"complete","supportedVersions":[`)
	for i, version := range wire.Versions() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = wire.AppendString(dst, version)
	}
	dst = append(append(dst, `],"capabilities":`...), q.statelessCapabilities()...)
	dst = append(q.appendInstructions(dst), caching...)
	dst = wire.AppendString(append(dst, `,"_meta":{`...), wire.MetaServerInfo)
	dst = append(append(append(dst, ':'), q.serverInfo()...), "}}"...)
	return q.answered(dst)
}

// caching says how long a client may keep a list, and for whom: "private",
// since it shows what this caller may see.
const caching = `,"ttlMs":30000,"cacheScope":"private"`
