// Package guard takes a call from question to permission: decide, commit,
// hand over.
//
// The gates decide from what is remembered. Then one commit asserts that
// nothing was revoked since that was read, uses up the grant, counts, and
// appends the audit intent, all or nothing. Only after it is durable does
// the caller get a [Pass] to send the call upstream; how it ended is
// recorded with Pass.Done. The guard knows no wire format: the edge renders
// its answers, mcpguard hands them to a Go server.
package guard
