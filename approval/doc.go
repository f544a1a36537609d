// Package approval owns the recorded yes before a risky call: requests that
// wait for an answer, grants that let calls through, denials that stop them.
//
// A call that needs a yes and has none makes a [Request] (Service.Open).
// Somebody who may decides it (Service.Decide), which makes a [Grant] in the
// same commit. The approval gate finds the grant (Service.Standing); the
// guard uses it up together with the audit intent (Service.Spend), so that
// of many who try at once exactly one goes through.
//
// The package knows no HTTP and no MCP: pages, the API and the command line
// carry the question to whoever can answer.
package approval
