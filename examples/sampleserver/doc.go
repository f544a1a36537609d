// Package sampleserver is what the two sample apps share: one HTTP handler
// that speaks both eras of MCP, a count of the calls that arrived, and the
// loop that serves until it is told to stop. What the tools do belongs to
// the apps, examples/crm and examples/notes.
package sampleserver
