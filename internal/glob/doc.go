// Package glob owns the patterns that name tools: only * and ? are special, *
// takes any run of characters (also / and :), ? exactly one. It says which names
// a pattern matches and which of two patterns is wider; what follows from a match
// is policy's.
package glob
