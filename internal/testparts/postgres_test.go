package testparts

import (
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func TestPostgresAnswers(t *testing.T) {
	var got int
	if err := connect(t, Postgres(t)).QueryRow(t.Context(), "select 1").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != 1 {
		t.Errorf("select 1: got %d, want 1", got)
	}
}

func TestEachCallOfPostgresGivesAnEmptyDatabase(t *testing.T) {
	first, second := Postgres(t), Postgres(t)
	if _, err := connect(t, first).Exec(t.Context(), "create table kept (id int)"); err != nil {
		t.Fatal(err)
	}
	var tables int
	query := "select count(*) from pg_tables where schemaname = 'public'"
	if err := connect(t, second).QueryRow(t.Context(), query).Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Errorf("tables in the second database: got %d, want 0", tables)
	}
}

func TestPostgresIsDurableByDefault(t *testing.T) {
	conn := connect(t, Postgres(t))
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var got string
		if err := conn.QueryRow(t.Context(), "show "+setting).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != "on" {
			t.Errorf("%s: got %s, want on", setting, got)
		}
	}
}

func TestAStoppedPostgresKeepsItsDataAndComesBack(t *testing.T) {
	server := OwnPostgres(t)
	database := server.Database(t)
	if _, err := connect(t, database).Exec(t.Context(), "create table kept (id int)"); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		server.Stop(t, sig)
		if err := server.exec("select 1"); err == nil {
			t.Fatalf("%v: a stopped server answers", sig)
		}
		server.Start(t)
		if _, err := connect(t, database).Exec(t.Context(), "select id from kept"); err != nil {
			t.Errorf("%v: the table after the restart: %v", sig, err)
		}
	}
}

func TestARemovedPostgresLeavesNothing(t *testing.T) {
	server, err := startPostgres()
	if err != nil {
		t.Fatal(err)
	}
	server.remove()
	if _, err := os.Stat(server.dir); !os.IsNotExist(err) {
		t.Errorf("its folder afterwards: got %v, want not exist", err)
	}
	if err := server.exec("select 1"); err == nil {
		t.Error("a removed server answers")
	}
}
