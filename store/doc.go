// Package store is the narrow waist: everything that must survive is a
// record, a counter or a log entry, and is written by one atomic Commit.
//
// Domain packages use [DB] and [Table]: typed records, sealed before they
// reach a driver. Drivers (memory, sqlite, postgres) keep opaque bytes and
// pass the suite in store/storetest. The waist hands over to nobody.
package store
