package sqlite

import (
	"context"
	"database/sql"
)

// statements are the writer's, prepared on its own connection.
type statements struct {
	begin, commit, rollback, dataVersion *sql.Stmt

	record, counter, number, log, newLog, head *sql.Stmt // what a batch reads

	insert, update, delete, index, unindex *sql.Stmt
	setCounter, addChange                  *sql.Stmt
	addEntries, lastChunk, addChunk        *sql.Stmt
}

func prepare(ctx context.Context, conn *sql.Conn) (*statements, error) {
	s := &statements{}
	for into, text := range s.texts() {
		stmt, err := conn.PrepareContext(ctx, text) //nolint:sqlclosecheck // close does
		if err != nil {
			s.close()
			return nil, err
		}
		*into = stmt
	}
	return s, nil
}

func (s *statements) close() {
	if s == nil {
		return
	}
	for stmt := range s.texts() {
		if *stmt != nil {
			_ = (*stmt).Close()
		}
	}
}

func (s *statements) texts() map[**sql.Stmt]string {
	return map[**sql.Stmt]string{
		&s.begin:       `BEGIN IMMEDIATE`,
		&s.commit:      `COMMIT`,
		&s.rollback:    `ROLLBACK`,
		&s.dataVersion: `PRAGMA data_version`,

		&s.record:  `SELECT born, version, expires, idx FROM records WHERE kind = ? AND id = ?`,
		&s.counter: getCounter,
		&s.number:  `SELECT max(number) + 1 FROM changes`,
		&s.log:     `SELECT num FROM logs WHERE name = ?`,
		&s.newLog:  `INSERT INTO logs (name) VALUES (?) RETURNING num`,
		&s.head: `SELECT coalesce((SELECT place + n FROM entries WHERE place BETWEEN ?1 AND ?2
			ORDER BY place DESC LIMIT 1), ?1)`,

		&s.insert:  `INSERT INTO records (born, kind, id, version, expires, idx, value) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		&s.update:  `UPDATE records SET version = ?, expires = ?, idx = ?, value = ? WHERE born = ?`,
		&s.delete:  `DELETE FROM records WHERE born = ?`,
		&s.index:   `INSERT OR IGNORE INTO record_index (kind, name, value, born) VALUES (?, ?, ?, ?)`,
		&s.unindex: `DELETE FROM record_index WHERE kind = ? AND name = ? AND value = ? AND born = ?`,

		&s.setCounter: `INSERT INTO counters (name, value, expires) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
		&s.addChange:  `INSERT INTO changes (number, kind, id, version) VALUES (?, ?, ?, ?)`,
		&s.lastChunk:  lastChunk,
		&s.addChunk:   addChunk,
		&s.addEntries: `INSERT INTO entries (place, n, time, idx, line) VALUES (?, ?, ?, ?, ?)`,
	}
}
