// Package policy owns what the operator says about tools: the entries of the
// `tools` configuration, compiled into one rule a tool that gates look up.
// It decides nothing; package gate asks it.
package policy
