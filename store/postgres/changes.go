package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
)

const (
	// heartbeat is how often the feed is read though nobody rang.
	heartbeat = 100 * time.Millisecond
	// breath is the pause between two readings under load.
	breath = 5 * time.Millisecond
	// maxDelta is how many changes a reader may be behind.
	maxDelta = 100_000
)

// Changes implements store.Store. A lost connection is made up for: the feed
// goes on where it was, without heartbeats meanwhile. It ends with an error
// when the server stays away for long.
func (s *Store) Changes(ctx context.Context, from store.Position) iter.Seq2[store.Change, error] {
	at, err := s.placeOf(ctx, from)
	return func(yield func(store.Change, error) bool) {
		if err != nil {
			yield(store.Change{}, fmt.Errorf("follow changes: %w", err))
			return
		}
		s.listen.Do(func() {
			s.workers.Go(s.listenLoop)
			s.workers.Go(s.notifyLoop)
		})
		if err := s.follow(ctx, at, yield); err != nil && ctx.Err() == nil {
			yield(store.Change{}, fmt.Errorf("follow changes: %w", err))
		}
	}
}

// placeOf is where a feed starts: what is visible now, or a known position.
func (s *Store) placeOf(ctx context.Context, from store.Position) (place, error) {
	if from != "" {
		return parsePlace(from)
	}
	now, err := askRows(ctx, s, pgx.RowTo[string], "select pg_current_snapshot()::text")
	if err != nil {
		return place{}, err
	}
	return place{base: now[0], seen: now[0]}, nil
}

// follow yields changes until ctx is done (or the store closed), the consumer
// stops, which is no error, or reading failed too often.
func (s *Store) follow(ctx context.Context, at place, yield func(store.Change, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	for failures := 0; ; {
		ringing, told := s.committed.next(), s.notified.next()
		next, err := s.advance(ctx, at, yield)
		switch {
		case errors.Is(err, errStopped):
			return nil
		case errors.Is(err, store.ErrPositionLost):
			return err
		case err != nil && failures >= int(s.patience/heartbeat):
			return err
		case err != nil:
			failures++
			ringing, told = nil, nil // no use to look sooner
		default:
			failures, at = 0, next
		}
		if !pause(ctx, breath) || !pause(ctx, heartbeat, ringing, told) {
			return s.fault(ctx.Err())
		}
	}
}

// pause waits for a bell or until d is over; it says no when ctx is done.
func pause(ctx context.Context, d time.Duration, bells ...<-chan struct{}) bool {
	bells = append(bells, nil, nil)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-bells[0]:
	case <-bells[1]:
	}
	return true
}

// errStopped means that the consumer wants no more.
var errStopped = errors.New("stopped")

// advance yields what is new since at, and a heartbeat.
func (s *Store) advance(ctx context.Context, at place, yield func(store.Change, error) bool) (place, error) {
	changes, next, err := s.delta(ctx, at)
	if err != nil {
		return at, err
	}
	for _, c := range append(changes, store.Change{Position: next.position(), Heartbeat: true}) {
		if !yield(c, nil) {
			return at, errStopped
		}
	}
	return next, nil
}

// deltaQuery reads, in one statement and therefore one snapshot, that
// snapshot and every change it shows beyond the place ($1 base, $2 seen, $3
// upto). The place is lost when something after it may have been trimmed, or
// when it knows transactions that this server does not: one restored from a
// copy. Changes are numbered under the locks of their keys, so that the order
// of numbers is right for each key.
const deltaQuery = `with now as materialized (select pg_current_snapshot() as snap)
	select now.snap::text,
		pg_snapshot_xmin($1::text::pg_snapshot) < feed.kept_from
			or pg_snapshot_xmax($1::text::pg_snapshot) > pg_snapshot_xmax(now.snap),
		coalesce(c.seq, 0), coalesce(c.kind, ''), c.id, coalesce(c.version, 0)
	from now cross join feed left join changes c on
		c.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
		and pg_visible_in_snapshot(c.xid, now.snap)
		and not pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot)
		and not (c.seq <= $3 and pg_visible_in_snapshot(c.xid, $2::text::pg_snapshot))
	order by c.seq
	limit $4`

// A deltaRow is one row of deltaQuery. When nothing is new there is one with
// a zero seq.
type deltaRow struct {
	Snapshot string
	Lost     bool
	Seq      int64
	Kind     string
	ID       []byte
	Version  int64
}

func (s *Store) delta(ctx context.Context, at place) ([]store.Change, place, error) {
	rows, err := askRows(ctx, s, pgx.RowToStructByPos[deltaRow], deltaQuery, at.base, at.seen, at.upto, maxDelta+1)
	switch {
	case err != nil:
		return nil, at, err
	case len(rows) == 0:
		return nil, at, errors.New("the table feed is empty: not the work of this program")
	case rows[0].Lost || len(rows) > maxDelta:
		return nil, at, store.ErrPositionLost
	}
	now := rows[0].Snapshot
	var changes []store.Change
	for _, r := range rows {
		if r.Seq == 0 {
			break
		}
		changes = append(changes, store.Change{
			Position: place{at.base, now, r.Seq}.position(),
			Key:      store.Key{Kind: store.Kind(r.Kind), ID: string(r.ID)},
			Version:  store.Version(r.Version),
		})
	}
	return changes, place{base: now, seen: now}, nil
}
