package limit

import (
	"sync"
	"time"

	"github.com/ostiary/ostiary"
)

// A Rate is so many events in so long a time. A Rate without Count limits
// nothing.
type Rate struct {
	Count int
	Per   time.Duration
}

// maxKeys bounds what is remembered. Keys beyond it share one allowance, so
// that making up new ones gains nothing.
const maxKeys = 100_000

// A Limiter gives each key an allowance of Count that fills up again evenly.
// It is safe for concurrent use.
type Limiter struct {
	rate  Rate
	every time.Duration // how long it takes until there is one more
	clock ostiary.Clock

	mu sync.Mutex
	// full is when a key's allowance is full again; a key that is missing has
	// a full one.
	full map[string]time.Time
}

// New returns a limiter in which every allowance is full.
func New(clock ostiary.Clock, r Rate) *Limiter {
	l := &Limiter{rate: r, clock: clock, full: map[string]time.Time{}}
	if r.Count > 0 {
		l.every = r.Per / time.Duration(r.Count)
	}
	return l
}

// Take takes one from a key's allowance. When nothing is left it returns how
// long until there is, and takes nothing.
func (l *Limiter) Take(key string) (wait time.Duration) {
	if l.rate.Count == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	key = l.keep(key, now)
	full := later(l.full[key], now).Add(l.every)
	if wait := full.Sub(now) - l.rate.Per; wait > 0 {
		return wait
	}
	l.full[key] = full
	return 0
}

// Return gives back what Take took: it was used for something that does not
// count.
func (l *Limiter) Return(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key = l.keep(key, l.clock.Now())
	if full, ok := l.full[key]; ok {
		l.full[key] = full.Add(-l.every)
	}
}

// keep returns the key that a key is remembered as.
func (l *Limiter) keep(key string, now time.Time) string {
	if _, ok := l.full[key]; ok || len(l.full) < maxKeys {
		return key
	}
	for k, full := range l.full {
		if !full.After(now) {
			delete(l.full, k)
		}
	}
	if len(l.full) < maxKeys {
		return key
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
