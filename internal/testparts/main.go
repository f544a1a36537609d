package testparts

import (
	"os"
	"sync"
)

// A Runner runs tests; *testing.M is one, and so is what Around returns.
type Runner interface {
	Run() int
}

// Main runs the tests of a package that uses shared parts, stops the parts,
// and exits. Call it from TestMain:
//
//	func TestMain(m *testing.M) { testparts.Main(m) }
func Main(m Runner) {
	os.Exit(Around(m).Run())
}

// Around returns a Runner that runs m and then stops the shared parts, so
// that goroutine leaks can be looked for after that:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }
func Around(m Runner) Runner {
	return runAndStop{m}
}

type runAndStop struct{ tests Runner }

func (r runAndStop) Run() int {
	defer shared.stop()
	return r.tests.Run()
}

// shared holds what ends with the test binary rather than with a test.
var shared parts

type parts struct {
	mu    sync.Mutex
	stops []func()
}

func (p *parts) atEnd(stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stops = append(p.stops, stop)
}

func (p *parts) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.stops) - 1; i >= 0; i-- {
		p.stops[i]()
	}
	p.stops = nil
}
