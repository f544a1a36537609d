// Package mcpguard puts Ostiary's guard into a server made with the official
// Go SDK for MCP, as middleware:
//
//	server.AddReceivingMiddleware(mcpguard.New(mcpguard.Config{Guard: g, App: "crm"}).Middleware())
//
// The list of gates is the gateway's, so both decide alike; what differs is
// how an answer arrives. A tool that a gate hides is unknown, in the words of
// the SDK; every other refusal is a tool result that the model can read, or
// an error where the protocol has no such result. Who is asking comes from a
// bearer token ([RequireToken]) or from a function of the embedder's; tool
// handlers learn it from [FromContext]. It works in every era that the SDK
// speaks.
//
// A handler that asks its client for input is called again with the answers.
// That is one call: each round is decided with the rights of its time, and
// what let the first one through lets the others through. The handler's
// RequestState travels inside one of ours, which nobody can read or change;
// clients must come back within ten minutes.
//
// [Open] makes a guard with its storage, log and people, for servers that
// have none yet.
package mcpguard
