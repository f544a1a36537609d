package upstream

import "sync"

// A Group runs what goes on beside calls, until it is closed. The zero Group
// is ready for use.
type Group struct {
	mu     sync.Mutex
	closed bool
	wait   sync.WaitGroup
}

// Go runs f on a goroutine of its own, unless the group is closed.
func (g *Group) Go(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.wait.Go(f)
	}
	return !g.closed
}

// Close lets nothing new begin and waits for what runs. Whoever calls it has
// told that to end before.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wait.Wait()
}
