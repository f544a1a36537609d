package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// Memory is the path of a database that is kept in memory until Close.
const Memory = ":memory:"

// Options are what Open needs besides the path. The zero Options are good.
type Options struct {
	Clock ostiary.Clock // what expiries are compared with; nil: the machine's
	Log   *slog.Logger  // hears of faults in housekeeping; nil: nobody does

	busy time.Duration // how long to wait for other processes' locks; zero: busyTimeout
}

const (
	maxWaiting = 4096 // transactions; more callers wait outside
	maxReaders = 8    // connections

	busyTimeout = 5 * time.Second
)

// Open opens the database at path, which it makes with mode 0600 when it is
// missing (its folder must exist), and brings it to the newest schema. The
// error says in words what is wrong with the file, and wraps ErrNewerSchema
// or ErrForeign when that is it.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = ostiary.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.busy == 0 {
		o.busy = busyTimeout
	}
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (*Store, error) {
	if path != Memory {
		if err := create(path); err != nil {
			return nil, err
		}
	}
	source := dataSource(path, o.busy)
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	first, err := prepareFile(ctx, db, o.busy)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Store{
		path: path, clock: o.Clock, log: o.Log, db: db,
		queue: batch.NewQueue(maxWaiting), tasks: make(chan task), full: make(chan struct{}, 1),
		news: newNews(), closing: make(chan struct{}), locks: newLocks(path),
	}
	if s.reads, err = newReads(ctx, db); err != nil {
		return nil, errors.Join(err, first.Close(), db.Close())
	}
	s.start(first)
	return s, nil
}

// prepareFile opens the first connection and migrates the schema over it.
func prepareFile(ctx context.Context, db *sql.DB, busy time.Duration) (*sql.Conn, error) {
	db.SetMaxOpenConns(maxReaders + 1)
	db.SetMaxIdleConns(maxReaders + 1)
	first, err := connectFirst(ctx, db, busy)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, first); err != nil {
		return nil, errors.Join(err, first.Close())
	}
	return first, nil
}

// connectFirst waits for others that make the file at the same moment: a file
// that becomes one with a WAL is locked for everybody, and SQLite's own
// timeout does not hold for that (https://sqlite.org/wal.html, section 8).
func connectFirst(ctx context.Context, db *sql.DB, busy time.Duration) (*sql.Conn, error) {
	const pause = 10 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		first, err := db.Conn(ctx)
		if err == nil || !transient(err) || waited >= busy {
			return first, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// create makes an empty file that only its owner can read, if there is none.
// It never opens one that is there: closing it again would free the locks
// that this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
func create(path string) error {
	if err := wantFolder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return errors.New("is a folder")
	}
	return err
}

func wantFolder(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s does not exist", dir)
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return err
}

var memories atomic.Int64

// dataSource names the file and what every connection sets. A database in
// memory has a name of its own, under which its connections find it.
func dataSource(path string, busy time.Duration) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)", "cache_size(-16000)", "journal_size_limit(67108864)",
	}}
	if path == Memory {
		q.Set("vfs", "memdb")
		path = fmt.Sprintf("/ostiary-%d", memories.Add(1))
	}
	return "file:" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/") + "?" + q.Encode()
}
