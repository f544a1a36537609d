package postgres_test

import (
	"context"
	"testing"
	"time"

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
	conn, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// await asks until the answer is yes. It may be called from any goroutine.
func await(t testing.TB, conn *pgx.Conn, question string) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for yes := false; !yes; {
		if err := conn.QueryRow(t.Context(), question).Scan(&yes); err != nil {
			t.Errorf("%s: %v", question, err)
			return
		}
		<-look.C
	}
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) { return pgx.Connect(ctx, url) }
