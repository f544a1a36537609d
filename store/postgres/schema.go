package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

// migrations lead from one version of the schema to the next; they are only
// ever added to. Versions are drawn from a sequence in steps of maxBatch, so
// that each transaction of a batch has its own: they grow with every write of
// a key and never repeat, though nothing is kept of deleted records.
var migrations = []string{`
create sequence versions increment by 65536;

create table records (
	kind    text   collate "C" not null,
	id      bytea  not null, -- as rowID writes it
	long_id bytea,           -- the whole id where rowID had to shorten it
	version bigint not null,
	born    bigint not null, -- the version of the first write
	expires bigint not null, -- nanoseconds of Unix time, 0: never
	terms   text   not null, -- index values: "name=value name=value"
	value   bytea  not null,
	primary key (kind, id)
);
create index records_by_birth on records (kind, born desc, id desc);
create index records_by_expiry on records (expires) where expires > 0;

create table found (
	kind text   collate "C" not null,
	term text   collate "C" not null, -- as lookUp writes it
	born bigint not null,
	id   bytea  not null,
	primary key (kind, term, born, id)
);

create table counters (
	name    bytea  primary key, -- as rowID writes it
	value   bigint not null,
	expires bigint not null
);
create index counters_by_expiry on counters (expires) where expires > 0;

create table entries (
	log   text   collate "C" not null,
	seq   bigint not null,
	time  bigint not null, -- nanoseconds of Unix time
	line  bytea  not null,
	terms text[] not null,   -- as lookUp writes them
	long_terms text,         -- all whole terms where lookUp had to shorten one
	primary key (log, seq)
);
create index entries_by_time on entries (time desc, log desc, seq desc);
-- New entries wait in a list of the index until tidyLoop sorts them in: an
-- append should never have to do that.
create index entries_by_term on entries using gin (terms)
	with (fastupdate = on, gin_pending_list_limit = 65536);

create table commits (
	id    uuid        primary key,
	at    timestamptz not null default now(),
	fence boolean     not null default false -- the commit did not happen and never will
);
create index commits_by_time on commits (at);

create table changes (
	seq     bigint primary key, -- of the same run as the version
	xid     xid8   not null default pg_current_xact_id(),
	kind    text   not null,
	id      bytea  not null, -- the whole id
	version bigint not null  -- 0: deleted
);
create index changes_by_xid on changes (xid);

-- Changes of transactions before this one are no longer kept.
create table feed (kept_from xid8 not null);
insert into feed values ('0');
`}

// DefaultNamespace is the schema that is used when Options names none.
const DefaultNamespace = "ostiary"

var namespaceForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func checkNamespace(name string) error {
	if !namespaceForm.MatchString(name) || strings.HasPrefix(name, "pg_") {
		return fmt.Errorf("namespace %q: want a schema name of a-z, 0-9 and _, at most 63 long, not starting with pg_ or a digit", name)
	}
	return nil
}

func quoted(schema string) string { return pgx.Identifier{schema}.Sanitize() }

// migrate makes or upgrades the schema, one instance at a time.
func (s *Store) migrate(ctx context.Context, conn *pgx.Conn, existing bool) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", s.lockID("migrate")); err != nil {
			return fmt.Errorf("wait for another instance's upgrade: %w", err)
		}
		at, err := s.schemaVersion(ctx, tx, existing)
		if err != nil {
			return err
		}
		if at > len(migrations) {
			return fmt.Errorf("schema %s is of version %d, newer than the %d that this program knows: upgrade the program", s.schema, at, len(migrations))
		}
		for i, statements := range migrations[at:] {
			if _, err := tx.Exec(ctx, statements); err != nil {
				return fmt.Errorf("upgrade schema %s to version %d: %w", s.schema, at+i+1, err)
			}
		}
		return s.settle(ctx, tx, at)
	})
}

// schemaVersion reads how far the schema is, making it when there is none.
func (s *Store) schemaVersion(ctx context.Context, tx pgx.Tx, existing bool) (int, error) {
	var known bool
	err := tx.QueryRow(ctx, "select exists (select from pg_namespace where nspname = $1)", s.schema).Scan(&known)
	if err != nil {
		return 0, fmt.Errorf("look for schema %s: %w", s.schema, err)
	}
	if !known && !existing {
		if _, err := tx.Exec(ctx, "create schema "+quoted(s.schema)); err != nil {
			return 0, fmt.Errorf("create schema %s: %w", s.schema, err)
		}
	}
	err = tx.QueryRow(ctx, "select to_regclass($1) is not null", quoted(s.schema)+".schema_version").Scan(&known)
	if err == nil && !known && existing {
		return 0, store.Missing(fmt.Errorf("there is nothing of Ostiary's in schema %s", s.schema))
	}
	if err != nil || !known {
		return 0, err
	}
	var at int
	err = tx.QueryRow(ctx, "select version from schema_version").Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("schema %s has an empty schema_version: not made by this program, or damaged", s.schema)
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of schema %s: %w", s.schema, err)
	}
	return at, nil
}

// settle notes the new version. It also drops what a feed restored from
// another server brought along: transaction numbers mean nothing there.
func (s *Store) settle(ctx context.Context, tx pgx.Tx, from int) error {
	statements := []string{
		"delete from changes where xid >= pg_snapshot_xmax(pg_current_snapshot())",
		"update feed set kept_from = '0' where kept_from > pg_snapshot_xmax(pg_current_snapshot())",
	}
	if from < len(migrations) {
		statements = append(statements,
			"create table if not exists schema_version (version int not null)",
			"delete from schema_version",
			fmt.Sprintf("insert into schema_version values (%d)", len(migrations)))
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("settle schema %s: %w", s.schema, err)
		}
	}
	return nil
}
