package mcp

import (
	"net/http"
	"strings"
)

// fromAllowedOrigin refuses browsers of strange origins: "Servers MUST
// validate the Origin header on all incoming connections to prevent DNS
// rebinding attacks" (2026-07-28 basic/transports/streamable-http). Programs
// send none.
func (x *exchange) fromAllowedOrigin() bool {
	values := x.r.Header["Origin"]
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 || !x.origins[values[0]] {
		return false
	}
	header := x.w.Header()
	header.Set("Access-Control-Allow-Origin", values[0])
	header.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate")
	header.Set("Vary", "Origin")
	return true
}

// allowedHeaders are those that clients send in any case.
const allowedHeaders = "Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID"

// preflight answers a browser that asks what it may send. It needs no token:
// browsers send none with it.
func (x *exchange) preflight() {
	header := x.w.Header()
	header.Set("Access-Control-Allow-Methods", "POST, GET, DELETE")
	header.Set("Access-Control-Allow-Headers", allowedHeaders+x.mirrorsAskedFor())
	header.Set("Access-Control-Max-Age", "600")
	x.w.WriteHeader(http.StatusNoContent)
}

// mirrorsAskedFor are the headers a browser asks for that repeat arguments of
// tools: which there are, only the tools say.
func (x *exchange) mirrorsAskedFor() string {
	var all strings.Builder
	for _, value := range x.r.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.TrimSpace(name)
			if strings.HasPrefix(strings.ToLower(name), "mcp-param-") {
				all.WriteString(", " + name)
			}
		}
	}
	return all.String()
}
