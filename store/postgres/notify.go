package postgres

import (
	"context"
	"fmt"
)

// Readers of the feed look at it often enough by themselves; a notification
// only makes them look sooner. It is sent after the commit and apart from it:
// PostgreSQL lets one transaction with notifications commit at a time, over
// the whole server, and instances would wait for each other's disk.

// channel is the name under which the instances of a schema notify each other.
func (s *Store) channel() string {
	return fmt.Sprintf("ostiary_%016x", uint64(s.lockID("changes")))
}

// notifyLoop tells the other instances that this one committed changes.
func (s *Store) notifyLoop() {
	for {
		ringing := s.committed.next()
		select {
		case <-s.closing.Done():
			return
		case <-ringing:
		}
		_, _ = s.pool.Exec(s.closing, "select pg_notify($1, '')", s.channel())
		pause(s.closing, breath)
	}
}

// listenLoop rings for readers of the feed when another instance committed.
func (s *Store) listenLoop() {
	for s.closing.Err() == nil {
		s.hear(s.closing)
		pause(s.closing, heartbeat)
	}
}

// hear listens until the connection is lost.
func (s *Store) hear(ctx context.Context) {
	conn, err := s.dial.connect(ctx)
	if err != nil {
		return
	}
	defer hangUp(conn)
	if _, err := conn.Exec(ctx, "listen "+s.channel()); err != nil {
		return
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		s.notified.ring()
	}
}
