// Package sqlite keeps a store in one SQLite file. It is the default driver:
// nothing to install, and as durable as the disk (WAL, synchronous=FULL).
//
// One writer goroutine commits everything that waits in one transaction, so
// that many callers share one fsync; readers have connections of their own
// and never wait for it. Other processes may read and write the same file:
// the writer notices and drops what it remembers. A log belongs to the
// process that holds the lock file beside the database.
//
// It hands over to store/internal/batch to decide what passes.
package sqlite
