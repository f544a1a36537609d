// Package streamable reaches upstreams over MCP's streamable HTTP, of the era
// with sessions and of the one without. It owns framing, headers, bounds and
// the proof of what was sent; what the messages mean is package upstream's.
//
// One call is one POST with a Content-Length. In an era with sessions its
// stream is taken up again by GET where it breaks off before the answer, as the
// upstream may want; that is no second execution. Redirects are refused and
// proxies not used: the operator named this address and no other.
//
// An answer is held whole, unless it is large and its caller passes it on while
// it comes (pass.go): then nothing is read that was not yet taken.
//
// HTTP/1.1 is spoken by hand, over connections that are kept: the goroutine
// of the call writes the request and reads the answer, where http.Transport
// has two more for each connection, and hands over four times a call. One
// request has a connection for itself, so that it can be proven whether any
// of it was written; answers are read by net/http.
package streamable
