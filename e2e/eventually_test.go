package e2e_test

import (
	"testing"
	"time"
)

// patience bounds what is waited for; only a failing test takes that long.
const patience = 30 * time.Second

// eventually waits until something is seen to hold; look also tells what it
// saw.
func eventually(t *testing.T, what string, look func() (string, bool)) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for {
		saw, ok := look()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("waited for %s; saw last:\n%s", what, saw)
		}
	}
}
