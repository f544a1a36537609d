package postgres

import (
	"context"
	"fmt"
)

// resolve finds out what became of a commit whose answer was lost, by reading
// its id, over a new connection. That no such row is visible proves nothing
// as long as the lost session may still be at work. So a row of the same id
// is put in its place: the unique index waits for the session to end, and
// once the row stands, that commit can't happen any more.
func (s *Store) resolve(id [16]byte) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	for {
		committed, err = s.fence(ctx, id)
		if err == nil || !pause(ctx, heartbeat) {
			return committed, err
		}
	}
}

func (s *Store) fence(ctx context.Context, id [16]byte) (committed bool, err error) {
	conn, err := s.dial.connect(ctx)
	if err != nil {
		return false, err
	}
	defer hangUp(conn)
	if _, err := conn.Exec(ctx, "insert into commits (id, fence) values ($1, true) on conflict do nothing", id); err != nil {
		return false, fmt.Errorf("read the commit's id: %w", err)
	}
	// A separate statement: the first one's snapshot does not show the row
	// that it ran into.
	var fenced bool
	if err := conn.QueryRow(ctx, "select fence from commits where id = $1", id).Scan(&fenced); err != nil {
		return false, fmt.Errorf("read the commit's id: %w", err)
	}
	return !fenced, nil
}
