// Package guarded is an MCP server made with the official Go SDK that guards
// itself: the same gates as a gateway's, in the server's own process.
//
// The notebook's tools are those of any server; the guard comes with two
// lines, one of middleware for MCP and one for HTTP. Reading is free to
// whoever holds a token that reaches it, and deleting waits for a yes.
package guarded
