package store

import (
	"fmt"
	"time"
)

// A Tx is a set of changes that happen together or not at all: first the
// asserts are checked, then counters, then everything is written, deletes
// before puts. There is no other way to write, so single use is Assert + Delete in one commit, and
// a change of state can't be torn from its audit entry. The zero Tx is empty
// and commits to nothing. A Tx is not safe for concurrent use.
type Tx struct {
	Asserts []Assert
	Puts    []Put
	Deletes []Key
	Adds    []Add
	Appends []Append
}

// An Assert demands that a key stand at a version; zero: that it be absent.
type Assert struct {
	Key     Key
	Version Version
}

// A Put writes a record whole. It gets a new, higher version.
type Put struct {
	Key     Key
	Value   []byte
	Index   []Index
	Expires time.Time // zero: never
}

// An Add changes a counter by Delta. With Max > 0 the commit conflicts when
// the sum would pass Max. Adds of different transactions never conflict with
// each other otherwise. The sum never falls below zero.
type Add struct {
	Counter string
	Delta   int64
	Max     int64     // zero: no limit
	Expires time.Time // the counter is zero again from here on; zero: never; the first Add of a counter decides
}

// An Append adds one entry to a log that this process has claimed. Line is
// called once, inside the committing writer, with the number that the entry
// gets: it must be quick and must not call the store. Its error is returned
// by Commit and fails this transaction alone; when storage can't be written,
// a later entry gets the number. Time is kept to the microsecond. Index
// values are kept for Search.
type Append struct {
	Log   string
	Time  time.Time
	Line  func(seq uint64) ([]byte, error)
	Index []Index
}

// Assert adds an assertion that k stands at v (zero: is absent).
func (tx *Tx) Assert(k Key, v Version) { tx.Asserts = append(tx.Asserts, Assert{k, v}) }

// Put adds a write.
func (tx *Tx) Put(p Put) { tx.Puts = append(tx.Puts, p) }

// Delete adds a deletion. Deleting an absent key is no error.
func (tx *Tx) Delete(k Key) { tx.Deletes = append(tx.Deletes, k) }

// Add adds a counter change.
func (tx *Tx) Add(a Add) { tx.Adds = append(tx.Adds, a) }

// Append adds a log entry.
func (tx *Tx) Append(a Append) { tx.Appends = append(tx.Appends, a) }

// Empty says whether committing tx would change nothing and check nothing.
func (tx *Tx) Empty() bool {
	return len(tx.Asserts)+len(tx.Puts)+len(tx.Deletes)+len(tx.Adds)+len(tx.Appends) == 0
}

// A Receipt tells what a commit did.
type Receipt struct {
	// Versions holds the new version of each put, in the order of Tx.Puts.
	Versions []Version
	// Seqs holds the number of each entry, in the order of Tx.Appends.
	Seqs []uint64
}

// A ConflictError names the first assertion or counter that failed. It
// satisfies errors.Is(err, ErrConflict).
type ConflictError struct {
	Key     Key    // the key of the failed assertion
	Counter string // or the counter that would have passed its maximum
}

// Error implements error. IDs may be personal: only the kind is printed.
func (e *ConflictError) Error() string {
	if e.Counter != "" {
		return "conflict: a counter would pass its maximum"
	}
	return fmt.Sprintf("conflict: a record of kind %s is not at the asserted version", e.Key.Kind)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
