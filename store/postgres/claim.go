package postgres

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

// claimCheck is how often the session that holds the claims is looked after.
const claimCheck = time.Second

// claims are the logs that this store holds. A claim is a session lock of
// PostgreSQL, so that it ends with the process. When the session is lost it
// is asked for again. That alone would not keep a log whole: a process that
// was paused may wake up and go on writing. So the writer also compares the
// head of the log with where it left it, under the log's own lock.
type claims struct {
	mu     sync.Mutex
	conn   *pgx.Conn         // nil when lost, or never needed
	held   map[string]bool   // by log; false while the session does not have the lock
	heads  map[string]uint64 // where this store left each log that it wrote
	taken  map[string]bool   // logs that have moved since
	looked sync.Once         // starts looking after the session
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, prefix string) (string, func(), error) {
	if err := s.open(ctx); err != nil {
		return "", nil, err
	}
	if err := plainText("log name", prefix+"1"); err != nil {
		return "", nil, fmt.Errorf("claim a log: %w", err)
	}
	log, err := s.claim(ctx, prefix)
	if err != nil {
		return "", nil, fmt.Errorf("claim a log: %w", s.fault(err))
	}
	s.claims.looked.Do(func() { s.workers.Go(s.lookAfterClaims) })
	return log, sync.OnceFunc(func() { s.release(log) }), nil
}

func (s *Store) claim(ctx context.Context, prefix string) (string, error) {
	c := &s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.claimSession(ctx); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		log := prefix + strconv.Itoa(n)
		if _, ours := c.held[log]; ours {
			continue // a session may take its own lock twice
		}
		free, err := s.tryClaim(ctx, log)
		if err != nil {
			c.hangUp()
			return "", err
		}
		if free {
			c.hold(log)
			return log, nil
		}
	}
}

// hold starts with a log: where it stands is not known yet.
func (c *claims) hold(log string) {
	if c.held == nil {
		c.held = map[string]bool{}
	}
	c.held[log] = true
	delete(c.heads, log)
	delete(c.taken, log)
}

func (s *Store) tryClaim(ctx context.Context, log string) (free bool, err error) {
	err = s.claims.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", s.lockID("claim", log)).Scan(&free)
	return free, err
}

func (s *Store) release(log string) {
	c := &s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, log)
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	if _, err := c.conn.Exec(ctx, "select pg_advisory_unlock($1)", s.lockID("claim", log)); err != nil {
		c.hangUp()
	}
}

// lookAfterClaims renews the session of the claims when it was lost.
func (s *Store) lookAfterClaims() {
	for pause(s.closing, claimCheck) {
		s.renewClaims()
	}
	s.claims.mu.Lock()
	defer s.claims.mu.Unlock()
	s.claims.hangUp()
}

func (s *Store) renewClaims() {
	ctx, cancel := context.WithTimeout(s.closing, s.patience)
	defer cancel()
	c := &s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && c.conn.Ping(ctx) != nil {
		c.hangUp()
	}
	// What fails here is tried again a little later.
	_ = s.claimSession(ctx)
}

// claimSession sees to it that there is a session, and that it holds every
// claim again that nobody else has got meanwhile. Until the server notices
// its end, that can be the lost session itself.
func (s *Store) claimSession(ctx context.Context) error {
	c := &s.claims
	if c.conn == nil || c.conn.IsClosed() {
		conn, err := s.dial.connect(ctx)
		if err != nil {
			return err
		}
		c.conn = conn
		for log := range c.held {
			c.held[log] = false
		}
	}
	for log, locked := range c.held {
		if locked {
			continue
		}
		free, err := s.tryClaim(ctx, log)
		if err != nil {
			c.hangUp()
			return err
		}
		c.held[log] = free
	}
	return nil
}

func (c *claims) hangUp() {
	if c.conn != nil {
		hangUp(c.conn)
		c.conn = nil
	}
}

// compare notes which logs were moved by somebody else.
func (c *claims) compare(heads map[string]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for log, head := range heads {
		if left, known := c.heads[log]; known && left != head {
			if c.taken == nil {
				c.taken = map[string]bool{}
			}
			c.taken[log] = true
		}
	}
}

// advance notes where entries that were committed left their logs.
func (c *claims) advance(entries []store.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heads == nil {
		c.heads = map[string]uint64{}
	}
	for i := range entries {
		c.heads[entries[i].Log] = entries[i].Seq + 1
	}
}

// forget drops what is known of the logs of entries that may or may not have
// been committed.
func (c *claims) forget(entries []store.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range entries {
		delete(c.heads, entries[i].Log)
	}
}

func (c *claims) isTaken(log string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken[log]
}
