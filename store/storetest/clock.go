package storetest

import (
	"sync"
	"time"
)

// A Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at some moment of 2026.
func NewClock() *Clock {
	return ClockAt(time.Date(2026, 11, 3, 9, 30, 0, 250_000_000, time.UTC))
}

// ClockAt returns a clock that stands at a moment.
func ClockAt(now time.Time) *Clock { return &Clock{now: now} }

// Now implements ostiary.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock by d.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
