package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// Options say how a database is used. The zero Options are good.
type Options struct {
	// Namespace is the schema that holds everything, made when it is missing;
	// "" is DefaultNamespace. Stores of different namespaces share nothing.
	Namespace string
	// Existing refuses a schema that is not there, with store.ErrMissing,
	// instead of making it.
	Existing bool
	// Clock decides what has expired; nil is the system's.
	Clock ostiary.Clock
	// AcceptWeaker opens a server that is set to lose acknowledged commits
	// when its machine stops (fsync or full_page_writes off).
	AcceptWeaker bool
	// Patience bounds the wait for the server at each step of a commit: to
	// connect, to get the locks, to write, to find out a lost answer. Zero is
	// DefaultPatience.
	Patience time.Duration
}

// DefaultPatience is how long a commit waits for the server at each step.
const DefaultPatience = 5 * time.Second

// readers is how many connections read at once, unless the URL's
// pool_max_conns says otherwise.
const readers = 8

// A Store keeps records, counters and logs in PostgreSQL. It is safe for
// concurrent use; several Stores, in any number of processes, may share one
// database and namespace.
type Store struct {
	schema   string
	clock    ostiary.Clock
	patience time.Duration

	dial *dialer
	pool *pgxpool.Pool // reads

	queue     *batch.Queue
	committed wakeup // rings after every commit of this store that changed a record
	notified  wakeup // rings when any instance says that it committed
	claims    claims

	closing context.Context // done once Close is called
	close   context.CancelFunc
	closed  sync.Once
	workers sync.WaitGroup // everything that runs in the background
	listen  sync.Once
}

var _ store.Store = (*Store)(nil)

// Open connects to the database of a postgres:// URL and makes or upgrades
// the schema (but see Options.Existing). Its errors tell an unreachable server, a refused password, a
// missing database, missing rights, a server that only reads, one that is too
// old and one that is set to lose data apart.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	s, err := newStore(url, opts)
	if err != nil {
		return nil, fmt.Errorf("open postgres storage: %w", err)
	}
	if err := s.start(ctx, opts); err != nil {
		s.close()
		return nil, fmt.Errorf("open postgres storage %s: %w", s.dial.name(), err)
	}
	return s, nil
}

func newStore(url string, opts Options) (*Store, error) {
	s := &Store{
		schema: opts.Namespace, clock: opts.Clock, patience: opts.Patience,
		queue: batch.NewQueue(maxBatch),
	}
	if s.schema == "" {
		s.schema = DefaultNamespace
	}
	if s.clock == nil {
		s.clock = ostiary.SystemClock{}
	}
	if s.patience <= 0 {
		s.patience = DefaultPatience
	}
	if err := checkNamespace(s.schema); err != nil {
		return nil, err
	}
	var err error
	if s.dial, err = newDialer(url, s.schema, s.patience); err != nil {
		return nil, err
	}
	s.closing, s.close = context.WithCancel(context.Background())
	return s, nil
}

func (s *Store) start(ctx context.Context, opts Options) error {
	conn, err := s.dial.connect(ctx)
	if err != nil {
		return explain(err)
	}
	defer hangUp(conn)
	if err := checkServer(ctx, conn, opts.AcceptWeaker); err != nil {
		return explain(err)
	}
	if err := s.migrate(ctx, conn, opts.Existing); err != nil {
		return explain(err)
	}
	if s.pool, err = pgxpool.NewWithConfig(s.closing, s.dial.config); err != nil {
		return explain(err)
	}
	s.workers.Go(s.commitLoop)
	s.workers.Go(s.tidyLoop)
	return nil
}

// Close waits for commits under way. Later calls fail with an error wrapping
// store.ErrClosed. Closing twice does no harm.
func (s *Store) Close() error {
	s.closed.Do(func() {
		s.close()
		s.queue.Close()
	})
	s.workers.Wait()
	s.pool.Close()
	return nil
}

// lockID is where the house of this schema keeps a name in the one space of
// advisory locks that a database has. Names that fall together only wait for
// each other.
func (s *Store) lockID(parts ...string) int64 {
	b := append(make([]byte, 0, 256), "ostiary/"...)
	for _, p := range append(parts, s.schema) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:]))
}
