package postgres

import (
	"context"
	"errors"
	"time"
)

const (
	// tidyEvery is the pause between two rounds of tidying.
	tidyEvery = 10 * time.Second
	// keptRounds is for how many rounds a change is kept after all readers
	// could see it: a minute.
	keptRounds = 6
	// tidyAtOnce bounds the rows that one statement removes.
	tidyAtOnce = 1000
	// commitsKept is for how long after a commit somebody may still ask for
	// its outcome, patience aside.
	commitsKept = 10 * time.Minute
)

// Removing what has expired changes nothing that anybody can see, so it needs
// no locks of keys: a row that is written meanwhile no longer matches and
// stays.
const (
	sweepRecords = `with gone as (
			delete from records where (kind, id) in (
				select kind, id from records where expires > 0 and expires <= $1
				limit $2 for update skip locked)
			returning kind, id, born, terms)
		, unfound as (
			delete from found f using gone, string_to_table(gone.terms, ' ') as t (whole)
			where f.kind = gone.kind and f.born = gone.born and f.id = gone.id
				and f.term = case when length(whole) <= 500 then whole -- as lookUp does it
					else '#' || encode(sha256(convert_to(whole, 'UTF8')), 'hex') end)
		select count(*) from gone`

	sweepCounters = `with gone as (
			delete from counters where name in (
				select name from counters where expires > 0 and expires <= $1
				limit $2 for update skip locked)
			returning 1)
		select count(*) from gone`

	sweepCommits = `with gone as (
			delete from commits where id in (
				select id from commits where at < now() - make_interval(secs => $1)
				limit $2 for update skip locked)
			returning 1)
		select count(*) from gone`

	trimChanges = `with gone as (
			delete from changes where seq in (
				select seq from changes where xid < $1::text::xid8
				limit $2 for update skip locked)
			returning 1)
		select count(*) from gone`
)

// tidyLoop removes what has expired and what nobody asks for any more. It
// works in small steps, and faults wait for the next round: nothing depends on
// it but the size of the tables.
func (s *Store) tidyLoop() {
	var horizons []string // oldest first: transactions that all ended by then
	for pause(s.closing, tidyEvery) {
		ctx, cancel := context.WithTimeout(s.closing, tidyEvery)
		horizons = append(horizons, s.horizon(ctx)...)
		if len(horizons) > keptRounds {
			_ = s.trim(ctx, horizons[0])
			horizons = horizons[1:]
		}
		_ = s.sweep(ctx)
		cancel()
	}
}

// sweep removes expired records and counters, and ids of old commits, and
// sorts new entries into the index of terms.
func (s *Store) sweep(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "select gin_clean_pending_list('entries_by_term')")
	return errors.Join(
		err,
		s.remove(ctx, sweepRecords, s.now()),
		s.remove(ctx, sweepCounters, s.now()),
		s.remove(ctx, sweepCommits, (commitsKept+4*s.patience).Seconds()),
	)
}

// horizon asks for the oldest transaction that is still open.
func (s *Store) horizon(ctx context.Context) []string {
	var xid string
	err := s.pool.QueryRow(ctx, "select pg_snapshot_xmin(pg_current_snapshot())::text").Scan(&xid)
	if err != nil {
		return nil
	}
	return []string{xid}
}

// trim forgets the changes of transactions before xid. That they may be gone
// is written down first.
func (s *Store) trim(ctx context.Context, xid string) error {
	_, err := s.pool.Exec(ctx, "update feed set kept_from = $1::text::xid8 where kept_from < $1::text::xid8", xid)
	if err != nil {
		return err
	}
	return s.remove(ctx, trimChanges, xid)
}

// remove repeats a statement until it finds nothing more.
func (s *Store) remove(ctx context.Context, statement string, before any) error {
	for {
		var n int
		err := s.pool.QueryRow(ctx, statement, before, tidyAtOnce).Scan(&n)
		if err != nil || n < tidyAtOnce {
			return err
		}
	}
}
