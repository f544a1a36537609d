package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// execute runs a statement as the superuser of the test's server.
func execute(t testing.TB, url, statement string, args ...any) {
	t.Helper()
	conn := session(t, url)
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// session opens a session of its own, which ends with the test.
func session(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}
