package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// explanations say what SQLite's primary result codes mean to an operator.
var explanations = map[int]string{
	lib.SQLITE_NOTADB:   "is not a SQLite database",
	lib.SQLITE_CORRUPT:  "is damaged",
	lib.SQLITE_BUSY:     "is locked by another process",
	lib.SQLITE_LOCKED:   "is locked by another process",
	lib.SQLITE_READONLY: "can't be written: it or its folder is read-only",
	lib.SQLITE_CANTOPEN: "can't be opened: check the permissions of the file and its folder",
	lib.SQLITE_PERM:     "can't be opened: check the permissions of the file and its folder",
	lib.SQLITE_FULL:     "has no room: the disk is full",
	lib.SQLITE_IOERR:    "can't be read or written: the disk reports errors",
}

// explain puts words before SQLite's own.
func explain(err error) error {
	if text, ok := explanations[code(err)]; ok {
		return fmt.Errorf("%s: %w", text, err)
	}
	return err
}

// code is SQLite's primary result code, zero for other errors.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// transient says whether a connection is as good as before after err.
func transient(err error) bool {
	switch code(err) {
	case lib.SQLITE_FULL, lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_TOOBIG:
		return true
	}
	return false
}
