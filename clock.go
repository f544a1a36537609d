package ostiary

import "time"

// A Clock tells the time wherever it is compared with stored time, so that
// tests can move it. Implementations are safe for concurrent use.
type Clock interface {
	Now() time.Time
}

// SystemClock is the machine's clock, in UTC.
type SystemClock struct{}

// Now returns the current time in UTC, with its monotonic reading.
func (SystemClock) Now() time.Time { return time.Now().UTC() }
