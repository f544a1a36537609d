package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ostiary/ostiary/store"
)

// oldestServer is the oldest server version that works, as
// server_version_num counts.
const oldestServer = 140000

// errReadOnly means that the server would not take writes: a standby, or a
// database set to read only.
var errReadOnly = errors.New("the server is read-only (a standby?): connect to the primary")

// A dialer opens connections that are set up alike.
type dialer struct {
	config   *pgxpool.Config
	patience time.Duration
}

func newDialer(url, schema string, patience time.Duration) (*dialer, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = readers
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 || c.ConnectTimeout > patience {
		c.ConnectTimeout = patience
	}
	c.ValidateConnect = prepare
	c.RuntimeParams["application_name"] = "ostiary"
	c.RuntimeParams["search_path"] = quoted(schema)
	// Whoever vanishes in the middle of a transaction must not hold its
	// locks for as long as the others are patient.
	c.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(patience.Milliseconds()/2, 10)
	c.RuntimeParams["lock_timeout"] = strconv.FormatInt(patience.Milliseconds(), 10)
	for name, seconds := range map[string]string{"idle": "10", "interval": "5", "count": "3"} {
		c.RuntimeParams["tcp_keepalives_"+name] = seconds
	}
	return &dialer{config, patience}, nil
}

// connect opens one connection outside of the pool.
func (d *dialer) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, d.config.ConnConfig.Copy())
}

// name tells which database it is, without the password.
func (d *dialer) name() string {
	c := d.config.ConnConfig
	return fmt.Sprintf("%s at %s as %s", c.Database, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.User)
}

// hangUp closes a connection and waits no longer than a moment for it.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// prepareSession asks whether a session can only read, and has its commits
// wait for the disk. Settings that make them wait for a standby's are left.
const prepareSession = `select current_setting('transaction_read_only'),
	case when current_setting('synchronous_commit') in ('off', 'local', 'remote_write')
		then set_config('synchronous_commit', 'on', false) end`

// prepare refuses a connection that can only read, so that after a failover
// every connection finds the new primary.
func prepare(ctx context.Context, conn *pgconn.PgConn) error {
	result := conn.ExecParams(ctx, prepareSession, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	if len(result.Rows) != 1 || string(result.Rows[0][0]) != "off" {
		return errReadOnly
	}
	return nil
}

// checkServer refuses a server that can't keep the promises of the store.
func checkServer(ctx context.Context, conn *pgx.Conn, acceptWeaker bool) error {
	var version int
	var release, fsync, pages, commit string
	err := conn.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')`).
		Scan(&version, &release, &fsync, &pages, &commit)
	if err != nil {
		return fmt.Errorf("read the server's settings: %w", err)
	}
	if version < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %s: want %d or newer", release, oldestServer/10000)
	}
	if commit != "on" && commit != "remote_apply" {
		return fmt.Errorf("synchronous_commit is %s although this session asked for on: a pooler in between? Connect to the server itself", commit)
	}
	if weak := weakness(fsync, pages); weak != "" && !acceptWeaker {
		return fmt.Errorf("the server has %s: what it acknowledged can be lost when its machine stops; turn it on, or set storage.accept_weaker", weak)
	}
	return nil
}

func weakness(fsync, pages string) string {
	switch {
	case fsync != "on":
		return "fsync off"
	case pages != "on":
		return "full_page_writes off"
	}
	return ""
}

// explanations put the server's refusals in the words of who runs it. The
// codes are those of PostgreSQL's appendix A.
var explanations = map[string]string{
	"28P01":    "the password was refused",
	"28000":    "the user may not log in this way",
	noDatabase: "there is no such database",
	"42501":    "the user lacks a right; it needs CREATE on the database, or to own the schema",
	"25006":    "the server is read-only (a standby?): connect to the primary",
	"53300":    "the server has no connection left (max_connections)",
	"53200":    "the server has no memory left (is it max_locks_per_transaction?)",
	"53100":    "the server's disk is full",
	"55P03":    "another instance held the locks for too long",
	"57P03":    "the server is starting up or shutting down",
}

const noDatabase = "3D000"

// explain puts the reason of a known fault before it.
func explain(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		why, ok := explanations[refused.Code]
		if ok {
			err = fmt.Errorf("%s: %w", why, err)
		}
		if refused.Code == noDatabase {
			err = store.Missing(err)
		}
		return err
	}
	var unreachable *net.OpError
	if errors.As(err, &unreachable) && unreachable.Op == "dial" {
		return fmt.Errorf("the server can't be reached: %w", err)
	}
	return err
}
