package store

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A Kind names one sort of record: "grant", "session", "epoch". Kinds are a
// small fixed set and stand in the clear in every database.
type Kind string

// A Key names one record. IDs are compared byte for byte: "Alice", "alice"
// and "ALICE" are three, and an ID may hold any bytes, NUL included.
type Key struct {
	Kind Kind
	ID   string
}

// A Version grows with every write of a key and never repeats, not even
// after a deletion. Zero means that the key is absent.
type Version uint64

// A Record is what a driver keeps for a key. Drivers neither read nor change
// Value. Expires is kept to the millisecond; zero means never.
type Record struct {
	Key     Key
	Version Version
	Value   []byte
	Index   []Index
	Expires time.Time // a record past it is absent to Get, List and asserts
}

// An Index is one name and value under which a record or log entry is found.
// Values are compared for equality only.
type Index struct {
	Name, Value string
}

// A Query selects the records of a kind, newest first by their first write.
type Query struct {
	Kind   Kind
	Index  Index  // the zero Index selects all records of the kind
	Limit  int    // 1..1000; zero means 100
	Cursor string // Page.Next of the page before; "" starts at the newest
}

// A Page is one page of records. Next is "" on the last one. Records written
// after the first page was read don't shift the pages that follow.
type Page struct {
	Records []Record
	Next    string
}

// An Entry is one line of a log, as it was appended.
type Entry struct {
	Log   string
	Seq   uint64 // 0, 1, 2 … without gaps
	Time  time.Time
	Line  []byte
	Index []Index
}

// A LogQuery selects entries over all logs, newest first. Every index value
// given must match. From is inclusive, To exclusive; zero means unbounded.
type LogQuery struct {
	Index    []Index
	From, To time.Time
	Limit    int // 1..1000; zero means 100
	Cursor   string
}

// An EntryPage is one page of log entries; Next is "" on the last.
type EntryPage struct {
	Entries []Entry
	Next    string
}

// A Position is a place in the feed of changes. The zero Position is "now":
// only what is committed after the call to Changes is seen.
type Position string

// A Change says that a key was written or deleted. Counter additions and log
// appends are not announced.
type Change struct {
	Position Position
	Key      Key
	Version  Version // zero: deleted
	// Heartbeat is set on changes that carry no key: they confirm, at least
	// four times a second, that the feed is complete up to now.
	Heartbeat bool
}

// Records is the reading half of a store.
type Records interface {
	// Get returns an error wrapping ErrNotFound for an absent or expired key.
	Get(ctx context.Context, k Key) (Record, error)
	List(ctx context.Context, q Query) (Page, error)
}

// Log reads what was appended.
type Log interface {
	// Entries yields the entries of one log in order, from seq on, up to the
	// newest at the time of the call. It stops at the first error.
	Entries(ctx context.Context, log string, from uint64) iter.Seq2[Entry, error]
	// Logs lists the names of all logs with the number of entries of each.
	Logs(ctx context.Context) (map[string]uint64, error)
	Search(ctx context.Context, q LogQuery) (EntryPage, error)
}

// A Store keeps records, counters and logs. Everything that must survive is
// written by Commit, and in no other way. All methods may be called
// concurrently; a context that is done before a commit was handed to the
// writer changes nothing.
type Store interface {
	Records
	Log
	// Commit applies all of tx or nothing. It returns after the change is
	// durable. A failed assertion, or a counter that would pass its maximum,
	// gives a *ConflictError naming the first one.
	Commit(ctx context.Context, tx Tx) (Receipt, error)
	// Counter returns the present value of a counter, zero when absent.
	Counter(ctx context.Context, name string) (int64, error)
	// Changes yields what is committed after from, by any instance, in an
	// order in which a key's own changes never swap, until ctx is done or the
	// consumer stops. ErrPositionLost means that from is older than what is
	// kept: drop all caches and start again from the zero Position.
	Changes(ctx context.Context, from Position) iter.Seq2[Change, error]
	// Claim takes the first free log name of prefix+"1", prefix+"2" … for
	// this process until release is called or the process dies; no other
	// process gets the same name meanwhile. Only its claimer appends to a log.
	Claim(ctx context.Context, prefix string) (log string, release func(), err error)
	// Close waits for commits under way. Later calls fail.
	Close() error
}

// Errors that every driver returns wrapped.
var (
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("conflict")
	ErrPositionLost = errors.New("position in the feed of changes is no longer kept")
	ErrClosed       = errors.New("store is closed")
	// ErrLogTaken means that somebody else appended to a log this process
	// holds (it was paused so long that its claim was lost): claim another.
	ErrLogTaken = errors.New("log has another writer")
	// ErrMissing means that a storage, or its keyset, is not there and was not
	// to be made.
	ErrMissing = errors.New("storage is missing")
	// ErrUnknownOutcome means that the answer to a commit was lost and could
	// not be found out: it may or may not have happened.
	ErrUnknownOutcome = errors.New("outcome of the commit is unknown")
)

// Missing is err, in its own words, and is ErrMissing.
func Missing(err error) error { return missing{err} }

type missing struct{ error }

func (m missing) Unwrap() error      { return m.error }
func (missing) Is(target error) bool { return target == ErrMissing }

// Again says whether a commit that failed with err is worth building anew:
// something it asserted has changed, or its log was lost to somebody else.
// Nothing of it was written.
func Again(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrLogTaken)
}
