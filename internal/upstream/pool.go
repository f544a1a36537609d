package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
)

const (
	// maxConnections bounds what isn't costly: a kept session is a few
	// hundred bytes here, and may be far more at the upstream.
	maxConnections = 4096
	// idleAfter is how long an unused connection of a caller is kept.
	idleAfter = 10 * time.Minute

	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 30 * time.Second
	// patience is the longest backoff that a call waits out. A longer one
	// ends it at once, with the reason.
	patience = 2 * time.Second
	// steadyAfter is how long a connection must have lived for its end to
	// count as the first failure again.
	steadyAfter = 30 * time.Second
)

// A key says whose connection it is. The zero key is everybody's.
type key struct {
	Caller
	lists bool // the one over which the lists of an unshared app come
	// Of callers to whom an upstream of both kinds is spoken to in an era with
	// sessions, and what was declared there: once for the whole connection.
	sessions bool
	asks     Asks
}

// isCaller says whether only calls are made over the connection.
func (k key) isCaller() bool { return k != (key{}) && !k.lists }

// A pool keeps the connections of one app: one a key, opened once however
// many wait for it, and closed when it was idle for long or another needs
// its place.
type pool struct {
	dial    func(context.Context, key) (*conn, error)
	clock   ostiary.Clock
	timeout time.Duration // of opening
	max     int           // slots besides the one for lists
	costly  bool
	broken  func() // called when a connection is found broken

	ctx    context.Context // ends with the pool
	cancel context.CancelFunc
	beside Group // openings and closings

	mu      sync.Mutex
	slots   map[key]*slot
	dropped map[*conn]bool // out of their slots, and still in use
	closed  bool
}

// A slot is the place of one connection; its fields belong to the pool's
// mutex.
type slot struct {
	key      key
	users    int // calls that use or wait for the connection
	held     int // who wants it kept and gives it up when there is no room
	used     time.Time
	conn     *conn
	opened   time.Time
	opening  *attempt
	failures int
	retry    time.Time // not dialed again before
	last     error     // why it failed
}

// An attempt is one opening, awaited by all who need it.
type attempt struct {
	done chan struct{}
	err  error // valid once done is closed
}

func newPool(ctx context.Context) *pool {
	p := &pool{slots: make(map[key]*slot), dropped: make(map[*conn]bool)}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// acquire returns the connection of k, opening one if need be. The caller
// gives it back with release. Errors prove that nothing was sent for the
// caller's own request.
func (p *pool) acquire(ctx context.Context, k key) (*conn, *slot, error) {
	for {
		s, c, a, err := p.claim(k)
		if err != nil || c != nil {
			return c, s, err
		}
		err = p.await(ctx, a)
		if err != nil {
			p.release(s, nil)
			return nil, nil, err
		}
		if c := p.opened(s); c != nil {
			return c, s, nil
		}
		p.release(s, nil) // it broke at once: try again
	}
}

// claim takes part in a slot: its connection if there is a good one, else
// the attempt to open it.
func (p *pool) claim(k key) (*slot, *conn, *attempt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, nil, Unsent(ErrClosed)
	}
	s := p.slots[k]
	if s == nil {
		if !p.makeRoom(k) {
			return nil, nil, nil, Unsent(fmt.Errorf("%w: %d at work", ErrBusy, p.max))
		}
		s = &slot{key: k}
		p.slots[k] = s
	}
	p.discardBroken(s)
	if err := p.ensureOpening(s); err != nil {
		return nil, nil, nil, err
	}
	s.users++
	s.used = p.clock.Now()
	return s, s.use(), s.opening, nil
}

// use returns the connection, if there is one, as one more call's.
func (s *slot) use() *conn {
	if s.conn != nil {
		s.conn.users++
	}
	return s.conn
}

func (p *pool) ensureOpening(s *slot) error {
	if s.conn != nil || s.opening != nil {
		return nil
	}
	delay := max(s.retry.Sub(p.clock.Now()), 0)
	if delay > patience {
		return Unsent(fmt.Errorf("tried again in %v: %w", delay.Round(time.Second), s.last))
	}
	s.opening = &attempt{done: make(chan struct{})}
	a := s.opening
	p.beside.Go(func() { p.open(s, a, delay) })
	return nil
}

func (p *pool) await(ctx context.Context, a *attempt) error {
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return Unsent(fmt.Errorf("wait for a connection: %w", context.Cause(ctx)))
	}
}

func (p *pool) opened(s *slot) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.use()
}

// open runs on its own, so that a caller who gives up spoils it for nobody.
func (p *pool) open(s *slot, a *attempt, delay time.Duration) {
	ctx, cancel := context.WithTimeout(p.ctx, delay+p.timeout)
	defer cancel()
	c, err := p.dialAfter(ctx, s.key, delay)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(a.done)
	s.opening = nil
	switch {
	case err != nil:
		a.err = Unsent(err)
		p.failed(s, err)
	case p.slots[s.key] != s: // removed meanwhile
		a.err = Unsent(ErrClosed)
		p.closeLater(c)
	default:
		s.conn, s.opened = c, p.clock.Now()
	}
}

func (p *pool) dialAfter(ctx context.Context, k key, delay time.Duration) (*conn, error) {
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return p.dial(ctx, k)
}

// release gives the slot back, and c where the caller used one.
func (p *pool) release(s *slot, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	s.used = p.clock.Now()
	if c == nil {
		return
	}
	c.users--
	if c.users == 0 && p.dropped[c] {
		delete(p.dropped, c)
		p.closeLater(c)
	}
}

// drop forgets c, so that the next caller gets a new connection. Calls that
// are still in flight on it may finish: the last of them, the caller's own
// included, closes it.
func (p *pool) drop(s *slot, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.conn != c {
		return // somebody was faster
	}
	s.conn = nil
	p.dropped[c] = true
	p.beside.Go(c.retire)
}

// discardBroken frees a slot of a connection that ended by itself.
func (p *pool) discardBroken(s *slot) {
	if s.conn == nil || !s.conn.isBroken() {
		return
	}
	if p.clock.Now().Sub(s.opened) > steadyAfter {
		s.failures = 0
	}
	p.broken()
	p.failed(s, s.conn.link.Err())
	p.closeLater(s.conn)
	s.conn = nil
}

// failed notes a failure and when it may be tried again.
func (p *pool) failed(s *slot, err error) {
	s.last = err
	if !p.costly || errors.Is(err, context.Canceled) {
		return
	}
	s.retry = p.clock.Now().Add(min(firstBackoff<<min(s.failures, 16), lastBackoff))
	s.failures++
}

// makeRoom closes the connection that is idle for longest when there are too
// many, and reports whether there is a place for k.
func (p *pool) makeRoom(k key) bool {
	if k.lists {
		return true
	}
	var oldest *slot
	n := 0
	for _, s := range p.slots {
		if s.key.lists {
			continue
		}
		n++
		if s.users == 0 && (oldest == nil || s.before(oldest)) {
			oldest = s
		}
	}
	if n < p.max {
		return true
	}
	if oldest == nil {
		return false
	}
	p.remove(oldest)
	return true
}

// before says whether the slot is to be given up rather than another.
func (s *slot) before(other *slot) bool {
	if (s.held > 0) != (other.held > 0) {
		return other.held > 0
	}
	return s.used.Before(other.used)
}

// hold gives the slot back, but has it kept while there is room.
func (p *pool) hold(s *slot, c *conn) {
	p.mu.Lock()
	s.held++
	p.mu.Unlock()
	p.release(s, c)
}

func (p *pool) unhold(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.held--
}

// sweep closes what callers have not used for long.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.clock.Now().Add(-idleAfter)
	for k, s := range p.slots {
		if k.isCaller() && s.users == 0 && s.held == 0 && s.used.Before(limit) {
			p.remove(s)
		}
	}
}

func (p *pool) remove(s *slot) {
	delete(p.slots, s.key)
	if s.conn != nil {
		p.closeLater(s.conn)
	}
}

func (p *pool) closeLater(c *conn) {
	if !p.beside.Go(c.close) {
		c.close()
	}
}

// close ends all connections and waits for it.
func (p *pool) close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	for _, s := range p.slots {
		p.remove(s)
	}
	for c := range p.dropped {
		delete(p.dropped, c)
		p.closeLater(c)
	}
	p.mu.Unlock()
	p.beside.Close()
}
