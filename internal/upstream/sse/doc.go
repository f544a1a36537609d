// Package sse reaches upstreams over HTTP with server-sent events, as MCP's
// revision of 2024-11-05 has it: a GET opens a stream, its first event names
// the endpoint that messages are posted to, and what the upstream answers
// comes over the stream. It owns framing, headers, bounds and the proof of
// what was sent; what the messages mean is package upstream's.
//
// A link is a stream, and a session of the upstream. Redirects are refused and
// proxies not used, and the endpoint must be of the origin that the operator
// named: an upstream could otherwise have credentials and arguments sent to
// whom it likes.
package sse
