// Package edge is where requests come in. routes.go has every path, one line
// each; the rest is what all of them share: whom we answer to under which
// name, where a request comes from, how large it may be, and what becomes of
// a handler that panics.
//
// It hands over to the rooms below it: mcp for agents, web for people, api
// for programs.
package edge
