package testparts

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the URL of an empty database of the test's own, which is
// dropped when the test ends. The server is private to the test binary: it
// starts with the first call, is reached by a Unix socket in a temporary
// directory only, keeps every durability setting at its default, and stops in
// Main or Around.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := fmt.Sprintf("test_%d", server.databases.Add(1))
	if err := server.exec("create database " + name); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := server.exec("drop database " + name + " with (force)"); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return server.url(name)
}

// sharedPostgres starts the server once; a failure is remembered, so that
// every test that needs it says the same.
var sharedPostgres = sync.OnceValues(func() (*postgres, error) {
	server, err := startPostgres()
	if err != nil {
		return nil, err
	}
	shared.atEnd(server.stop)
	return server, nil
})

type postgres struct {
	dir       string // holds the data and the socket
	child     *Child
	databases atomic.Int64
}

func startPostgres() (*postgres, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ostiary-pg-")
	if err != nil {
		return nil, err
	}
	p := &postgres{dir: dir}
	if err := p.start(bin); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *postgres) start(bin string) error {
	account, err := unprivileged(p.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=ostiary",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = p.dir, account.attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", initdb.Path, err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", p.dir,
		"-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=32MB")
	server.Dir, server.SysProcAttr = p.dir, account.attributes()
	if p.child, err = start(server); err != nil {
		return err
	}
	return p.awaitReady()
}

// awaitReady asks until the server answers, since PostgreSQL announces its
// readiness in the language of the machine.
func (p *postgres) awaitReady() error {
	deadline := time.After(patience)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		err := p.exec("select 1")
		if err == nil {
			return nil
		}
		select {
		case <-pause.C:
		case <-p.child.exited:
			return fmt.Errorf("postgres ended: %w\n%s", p.child.err, p.child.Output())
		case <-deadline:
			return fmt.Errorf("postgres does not answer: %w\n%s", err, p.child.Output())
		}
	}
}

// stop ends the server (immediate shutdown: nothing of it is kept) and
// removes its files.
func (p *postgres) stop() {
	if p.child != nil {
		p.child.Signal(immediateShutdown)
		select {
		case <-p.child.exited:
		case <-time.After(patience):
		}
		p.child.Kill()
	}
	_ = os.RemoveAll(p.dir)
}

func (p *postgres) url(database string) string {
	query := url.Values{"host": {p.dir}, "user": {"ostiary"}}
	return "postgres:///" + database + "?" + query.Encode()
}

// exec runs one statement in the maintenance database.
func (p *postgres) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// postgresBinaries finds the directory of initdb and postgres. Debian keeps
// them out of PATH, one directory a version; the highest is taken.
func postgresBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", missing("initdb and postgres", "apt-get install postgresql")
	}
	newest := slices.MaxFunc(found, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // version 9 before version 10
		}
		return strings.Compare(a, b)
	})
	return filepath.Dir(newest), nil
}
