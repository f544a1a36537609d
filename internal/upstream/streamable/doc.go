// Package streamable reaches upstreams over MCP's streamable HTTP, of the era
// with sessions and of the one without. It owns framing, headers, bounds and
// the proof of what was sent; what the messages mean is package upstream's.
//
// One call is one POST with a Content-Length. Redirects are refused and
// proxies not used: the operator named this address and no other. HTTP/2 is
// not spoken, because on a connection that one request has for itself it can
// be proven whether any of it was written.
package streamable
