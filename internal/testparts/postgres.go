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
	"syscall"
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
	name := server.create(t)
	t.Cleanup(func() {
		if err := server.exec("drop database " + name + " with (force)"); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return server.url(name)
}

// sharedPostgres starts the server once; a failure is remembered, so that
// every test that needs it says the same.
var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) {
	server, err := startPostgres()
	if err != nil {
		return nil, err
	}
	shared.atEnd(server.remove)
	return server, nil
})

// A PostgresServer is a server of one test's own, for tests that stop it.
type PostgresServer struct {
	bin       string // of initdb and postgres
	dir       string // holds the data and the socket
	account   account
	child     *Child
	databases atomic.Int64
}

// OwnPostgres starts a server that only this test uses. It ends with the test.
func OwnPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	server, err := startPostgres()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(server.remove)
	return server
}

// Database creates an empty database and returns its URL.
func (p *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	return p.url(p.create(t))
}

// Socket returns the path of the server's Unix socket, for a proxy that
// stands between.
func (p *PostgresServer) Socket() string {
	return filepath.Join(p.dir, ".s.PGSQL.5432")
}

// Stop ends the server with sig and waits until it is gone: SIGTERM waits for
// clients to leave, SIGINT cuts them off, SIGQUIT is a crash: no checkpoint,
// so that the next start recovers from the write-ahead log.
func (p *PostgresServer) Stop(t testing.TB, sig syscall.Signal) {
	t.Helper()
	p.child.Signal(sig)
	_ = p.child.Wait(t) // how it left is of no matter, that it did is
}

// Start starts a stopped server on the data it has and waits until it answers.
func (p *PostgresServer) Start(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

func startPostgres() (*PostgresServer, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ostiary-pg-")
	if err != nil {
		return nil, err
	}
	p := &PostgresServer{bin: bin, dir: dir}
	if err := p.initialize(); err != nil {
		p.remove()
		return nil, err
	}
	if err := p.start(); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *PostgresServer) initialize() (err error) {
	if p.account, err = unprivileged(p.dir); err != nil {
		return err
	}
	initdb := p.command("initdb", "--pgdata="+p.data(), "--username=ostiary",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", initdb.Path, err, out)
	}
	return nil
}

func (p *PostgresServer) start() (err error) {
	p.child, err = start(p.command("postgres", "-D", p.data(), "-k", p.dir,
		"-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=32MB"))
	if err != nil {
		return err
	}
	return p.awaitReady()
}

func (p *PostgresServer) data() string { return filepath.Join(p.dir, "data") }

func (p *PostgresServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, p.account.attributes()
	return cmd
}

// awaitReady asks until the server answers, since PostgreSQL announces its
// readiness in the language of the machine.
func (p *PostgresServer) awaitReady() error {
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
			return fmt.Errorf("postgres ended before it answered: %w\n%s", err, p.child.Output())
		case <-deadline:
			return fmt.Errorf("postgres does not answer: %w\n%s", err, p.child.Output())
		}
	}
}

// remove ends the server, keeping nothing of it, and removes its files.
func (p *PostgresServer) remove() {
	if p.child != nil {
		p.child.Signal(syscall.SIGQUIT)
		select {
		case <-p.child.exited:
		case <-time.After(patience):
		}
		p.child.Kill()
	}
	_ = os.RemoveAll(p.dir)
}

func (p *PostgresServer) create(t testing.TB) (name string) {
	t.Helper()
	name = fmt.Sprintf("test_%d", p.databases.Add(1))
	if err := p.exec("create database " + name); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	return name
}

func (p *PostgresServer) url(database string) string {
	query := url.Values{"host": {p.dir}, "user": {"ostiary"}}
	return "postgres:///" + database + "?" + query.Encode()
}

// exec runs one statement in the maintenance database.
func (p *PostgresServer) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// postgresBinaries finds the directory of initdb and postgres. Debian keeps
// them out of PATH, one directory a version; the highest is taken.
func postgresBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return linked(path), nil
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

// linked returns the folder in which a program truly lies: its companions
// need not be linked beside it.
func linked(program string) string {
	if target, err := filepath.EvalSymlinks(program); err == nil {
		program = target
	}
	return filepath.Dir(program)
}
