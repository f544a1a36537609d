package approval

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/store"
)

// ending finds all grants in force that end by themselves, endingIn those
// that end in the hour of end: a sweep reads few of many.
var ending = store.Index{Name: "ending", Value: "all"}

func endingIn(end time.Time) store.Index {
	return store.Index{Name: "ending_in", Value: strconv.FormatInt(end.Truncate(time.Hour).Unix(), 10)}
}

// swept remembers up to when ends were written down. The zero value knows of
// nothing, and the first sweep looks through all grants that end.
type swept struct {
	mu sync.Mutex
	to time.Time
}

const (
	// maxHours is how many hours a sweep looks through one by one.
	maxHours = 48
	// clocksDiffer is by how much the clocks of instances may.
	clocksDiffer = time.Hour
)

// due is what a sweep at now has to look through.
func (w *swept) due(now time.Time) []store.Index {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := w.to.Add(-clocksDiffer)
	if w.to.IsZero() || w.to.After(now) || now.Sub(from) > maxHours*time.Hour {
		return []store.Index{ending}
	}
	var hours []store.Index
	for h := from.Truncate(time.Hour); !h.After(now); h = h.Add(time.Hour) {
		hours = append(hours, endingIn(h))
	}
	return hours
}

func (w *swept) done(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = now
}

func (s *Service) sweepGrants(ctx context.Context) error {
	now := s.clock.Now()
	for _, index := range s.swept.due(now) {
		if err := s.sweepIndex(ctx, index); err != nil {
			return err
		}
	}
	s.swept.done(now)
	return nil
}

func (s *Service) sweepIndex(ctx context.Context, index store.Index) error {
	cursor := ""
	for {
		items, next, err := s.grants.List(ctx, index, 1000, cursor)
		if err != nil {
			return fmt.Errorf("sweep grants: %w", err)
		}
		for _, it := range items {
			if err := s.expireGrant(ctx, it); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}
