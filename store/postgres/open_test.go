package postgres_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
)

// refusal opens a store that must not open, and returns what is said.
func refusal(t *testing.T, url string, opts postgres.Options) string {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, opts)
	if err == nil {
		s.Close()
		t.Fatal("the store opened, want an error")
	}
	return err.Error()
}

func mustSay(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("error: got %q, want it to say %q", got, w)
		}
	}
}

func TestAnUnreachableServerIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	addr := closed.Addr().String()
	said := refusal(t, "postgres://me:hunter2@"+addr+"/db?sslmode=disable", postgres.Options{})
	mustSay(t, said, "can't be reached", addr, "db", "me")
	if strings.Contains(said, "hunter2") {
		t.Errorf("the error tells the password: %q", said)
	}
}

func TestAMissingDatabaseIsNamed(t *testing.T) {
	url := strings.Replace(testparts.Postgres(t), "/test_", "/no_such_", 1)
	mustSay(t, refusal(t, url, postgres.Options{}), "no such database", "no_such_")
}

func TestARefusedPasswordIsSaidSo(t *testing.T) {
	url := testparts.Postgres(t)
	execute(t, url, "create role secretive login password 'right'")
	t.Cleanup(func() { afterwards(t, url, "drop role secretive") })
	demandPasswords(t, url)
	said := refusal(t, strings.Replace(url, "user=ostiary", "user=secretive&password=wrong", 1), postgres.Options{})
	mustSay(t, said, "password was refused", "secretive")
	if strings.Contains(said, "wrong") {
		t.Errorf("the error tells the password: %q", said)
	}
}

func TestMissingRightsAreSaidSo(t *testing.T) {
	url := testparts.Postgres(t)
	execute(t, url, "create role powerless login")
	t.Cleanup(func() { afterwards(t, url, "drop role powerless") })
	said := refusal(t, strings.Replace(url, "user=ostiary", "user=powerless", 1), postgres.Options{})
	mustSay(t, said, "lacks a right", "create schema ostiary")
}

func TestAReadOnlyServerIsSaidSo(t *testing.T) {
	url := testparts.Postgres(t)
	mustSay(t, refusal(t, url+"&default_transaction_read_only=on", postgres.Options{}), "read-only")
}

func TestAServerThatLosesCommitsIsRefusedUnlessAccepted(t *testing.T) {
	url := testparts.Postgres(t)
	alter(t, url, "full_page_writes", "off")
	mustSay(t, refusal(t, url, postgres.Options{}), "full_page_writes off", "accept_weaker")
	open(t, url, postgres.Options{AcceptWeaker: true})
}

func TestACommitWaitsForTheDiskWhateverIsSet(t *testing.T) {
	url := testparts.Postgres(t)
	for set, want := range map[string]string{"off": "on", "local": "on", "on": "on", "remote_apply": "remote_apply"} {
		alter(t, url, "synchronous_commit", set)
		s := open(t, url, postgres.Options{Namespace: "with_" + set})
		// A trigger sees the setting of the session that commits.
		execute(t, url, `create or replace function refuse() returns trigger language plpgsql as $$
			begin raise exception '%', 'set to ' || current_setting('synchronous_commit') using errcode = '23514'; end $$`)
		execute(t, url, "create trigger refuse before insert on with_"+set+".records execute function public.refuse()")
		if _, err := s.Commit(t.Context(), marked()); err == nil || !strings.Contains(err.Error(), "set to "+want) {
			t.Errorf("synchronous_commit of a commit, %s in the database: got %v, want %s", set, err, want)
		}
	}
}

func TestASchemaOfALaterVersionIsRefused(t *testing.T) {
	url := testparts.Postgres(t)
	open(t, url, postgres.Options{}).Close()
	execute(t, url, "update ostiary.schema_version set version = 99")
	mustSay(t, refusal(t, url, postgres.Options{}), "version 99", "newer", "upgrade the program")
}

func TestANamespaceMustBeAName(t *testing.T) {
	for _, bad := range []string{"Upper", "a b", "a;drop", `a"b`, "pg_x", "1a", "ä", strings.Repeat("a", 64)} {
		mustSay(t, refusal(t, "postgres:///db", postgres.Options{Namespace: bad}), "namespace")
	}
	open(t, testparts.Postgres(t), postgres.Options{Namespace: "select"})
}

func TestManyInstancesMayMakeTheSchemaTogether(t *testing.T) {
	url := testparts.Postgres(t)
	errs := make(chan error)
	for range 8 {
		go func() {
			s, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Errorf("open: %v", err)
		}
	}
}

func TestAClosedStoreRefusesEverything(t *testing.T) {
	s := open(t, testparts.Postgres(t), postgres.Options{})
	s.Close()
	s.Close()
	ctx := t.Context()
	_, errCommit := s.Commit(ctx, marked())
	_, errGet := s.Get(ctx, grantKey(1))
	_, errList := s.List(ctx, store.Query{Kind: "grant"})
	_, errCounter := s.Counter(ctx, "commits")
	_, errLogs := s.Logs(ctx)
	_, errSearch := s.Search(ctx, store.LogQuery{})
	_, _, errClaim := s.Claim(ctx, "audit-")
	for what, err := range map[string]error{
		"commit": errCommit, "get": errGet, "list": errList, "counter": errCounter,
		"logs": errLogs, "search": errSearch, "claim": errClaim,
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: got %v, want closed", what, err)
		}
	}
	for _, err := range s.Changes(ctx, "") {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("changes: got %v, want closed", err)
		}
	}
}

// alter changes a setting of the database until the test ends.
func alter(t *testing.T, url, setting, value string) {
	t.Helper()
	if setting == "full_page_writes" { // of the server only
		execute(t, url, "alter system set full_page_writes = "+value)
		execute(t, url, "select pg_reload_conf()")
		t.Cleanup(func() {
			afterwards(t, url, "alter system reset full_page_writes")
			afterwards(t, url, "select pg_reload_conf()")
		})
	} else {
		execute(t, url, "do $$ begin execute format('alter database %I set "+setting+" = "+value+"', current_database()); end $$")
	}
	await(t, session(t, url), "select current_setting('"+setting+"') = '"+value+"'")
}

// demandPasswords has the server ask the role secretive for its password.
func demandPasswords(t *testing.T, url string) {
	t.Helper()
	conn := session(t, url)
	var file string
	if err := conn.QueryRow(t.Context(), "show hba_file").Scan(&file); err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	strict := append([]byte("local all secretive scram-sha-256\n"), rules...)
	if err := os.WriteFile(file, strict, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, url, "select pg_reload_conf()")
	await(t, conn, "select exists (select from pg_hba_file_rules where user_name = '{secretive}')")
	t.Cleanup(func() {
		if err := os.WriteFile(file, rules, 0o600); err != nil {
			t.Error(err)
		}
		afterwards(t, url, "select pg_reload_conf()")
	})
}

// afterwards is execute for what is tidied up when the test's context is
// done.
func afterwards(t *testing.T, url, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := connect(ctx, url)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}
