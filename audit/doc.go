// Package audit owns the record of what happened. [Log] writes it: an entry
// goes into the same commit as the change it tells of, so that neither exists
// without the other. Each instance writes a log of its own; the lines of a
// log are the leaves of a Merkle tree (RFC 6962), and a [Checkpoint] signs the
// sizes and roots of all trees. [Reader] searches, follows, exports and
// verifies, with a gateway running or not.
//
// It hands lines, sealed, to package store, and knows nobody else.
package audit
