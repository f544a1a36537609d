package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNewerSchema means that the file was written by a newer version of this
// program. ErrForeign means that it belongs to another program.
var (
	ErrNewerSchema = errors.New("written by a newer version of ostiary")
	ErrForeign     = errors.New("the database of another program")
)

// applicationID says whose file it is (https://sqlite.org/fileformat.html,
// section 1.3.16): "ostY".
const applicationID = 0x6f737459

// migrations bring a file from the version that is their index to the next.
// They are only ever added to.
//
// Ids and index values are blobs, for they may hold NUL. A record's row is
// the number of its first write, which is the order of lists. An entry's row
// is its log and its number in one (see place), so that appending writes at
// the end of one tree. The first row of changes is there for the end of the
// feed to be never unknown; the newest row is never trimmed, for numbers are
// given from there on.
var migrations = []string{
	`
	CREATE TABLE records (
		born    INTEGER PRIMARY KEY,
		kind    TEXT NOT NULL,
		id      BLOB NOT NULL,
		version INTEGER NOT NULL,
		expires INTEGER, -- unix milliseconds
		idx     BLOB,    -- packed index values
		value   BLOB
	);
	CREATE UNIQUE INDEX records_key ON records (kind, id);
	CREATE INDEX records_kind ON records (kind);
	CREATE INDEX records_expires ON records (expires) WHERE expires IS NOT NULL;
	CREATE TABLE record_index (
		kind  TEXT NOT NULL,
		name  TEXT NOT NULL,
		value BLOB NOT NULL,
		born  INTEGER NOT NULL,
		PRIMARY KEY (kind, name, value, born)
	) WITHOUT ROWID;
	CREATE TABLE counters (
		name    BLOB PRIMARY KEY,
		value   INTEGER NOT NULL,
		expires INTEGER
	) WITHOUT ROWID;
	CREATE INDEX counters_expires ON counters (expires) WHERE expires IS NOT NULL;
	CREATE TABLE changes (
		number  INTEGER PRIMARY KEY,
		kind    TEXT NOT NULL,
		id      BLOB NOT NULL,
		version INTEGER NOT NULL
	);
	INSERT INTO changes VALUES (1, '', x'', 0);
	CREATE TABLE logs (
		num  INTEGER PRIMARY KEY,
		name TEXT NOT NULL UNIQUE
	);
	CREATE TABLE entries (
		place INTEGER PRIMARY KEY,
		time  INTEGER NOT NULL, -- unix microseconds
		idx   BLOB,
		line  BLOB NOT NULL
	);
	CREATE TABLE chunks (
		first  INTEGER PRIMARY KEY, -- place of its first entry
		oldest INTEGER NOT NULL,
		newest INTEGER NOT NULL
	);
	CREATE INDEX chunks_newest ON chunks (newest);
	CREATE TABLE chunk_terms (
		term  INTEGER NOT NULL, -- hash of an index value
		chunk INTEGER NOT NULL,
		PRIMARY KEY (term, chunk)
	) WITHOUT ROWID;`,
	// A call's id is in two entries only: a row for each was most of what the
	// index cost. Chunks are noted anew in the background.
	`
	DROP TABLE chunk_terms;
	DELETE FROM chunks;
	ALTER TABLE chunks ADD COLUMN terms BLOB; -- see term, one behind the other`,
	// See run.go.
	`ALTER TABLE entries ADD COLUMN n INTEGER NOT NULL DEFAULT 1; -- entries in the row`,
}

// migrate brings the file to the newest schema, in one transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("lock the schema: %w", err)
	}
	err := migrateLocked(ctx, conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

func migrateLocked(ctx context.Context, conn *sql.Conn) error {
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	for _, migration := range migrations[version:] {
		if _, err := conn.ExecContext(ctx, migration); err != nil {
			return fmt.Errorf("migrate the schema: %w", err)
		}
	}
	stamp := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", len(migrations), applicationID)
	if _, err := conn.ExecContext(ctx, stamp); err != nil {
		return fmt.Errorf("note the schema's version: %w", err)
	}
	return nil
}

// schemaVersion is how far the file was migrated; zero: it is new.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var version, application, tables int
	const q = `SELECT v.user_version, a.application_id, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version v, pragma_application_id a`
	if err := conn.QueryRowContext(ctx, q).Scan(&version, &application, &tables); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	if tables > 0 && application != applicationID {
		return 0, ErrForeign
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("schema version %d, known up to %d: %w", version, len(migrations), ErrNewerSchema)
	}
	return version, nil
}
