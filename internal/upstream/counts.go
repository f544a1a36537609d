package upstream

import "sync/atomic"

// Counts tells how often an app did what it shouldn't. Its fields only grow
// and are safe for concurrent use.
type Counts struct {
	Strays  atomic.Int64 // answers that nobody waits for, unusable notifications
	Garbage atomic.Int64 // lines that are no JSON-RPC message
	Broken  atomic.Int64 // connections that broke by themselves
	Refused atomic.Int64 // requests of the upstream that were refused
}
