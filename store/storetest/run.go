package storetest

import (
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A Driver tells the suite how to get at the driver under test.
type Driver struct {
	// New makes an empty storage that lasts as long as the test, and returns
	// how to open it. Stores opened from it compare expiries with clock; the
	// suite closes them. It is opened again after Close, and while another
	// one is open as a second instance would be, unless Volatile is set.
	New func(t *testing.T, clock ostiary.Clock) func() (store.Store, error)
	// Volatile drivers lose everything on Close, and have one instance.
	Volatile bool
}

// Run runs the whole suite, each test on a storage of its own.
func Run(t *testing.T, d Driver) {
	t.Helper()
	for _, tests := range [][]test{recordTests, listTests, commitTests, counterTests, logTests, searchTests, feedTests, lifeTests} {
		runAll(t, d, tests)
	}
	if !d.Volatile {
		runAll(t, d, sharedTests)
	}
	t.Run("AModelOfMapsAgrees", func(t *testing.T) { testModel(t, d) })
}

// A test is one promise, under its name.
type test struct {
	name string
	run  func(t *testing.T, p *place)
}

func runAll(t *testing.T, d Driver, tests []test) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, newPlace(t, d)) })
	}
}

// A place is one storage, open, with the clock that it is measured by.
type place struct {
	store.Store
	clock *Clock
	open  func() (store.Store, error)
}

func newPlace(t *testing.T, d Driver) *place {
	t.Helper()
	p := &place{clock: NewClock()}
	p.open = d.New(t, p.clock)
	p.Store = p.another(t)
	return p
}

// another opens the storage once more.
func (p *place) another(t *testing.T) store.Store {
	t.Helper()
	s, err := p.open()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// reopen closes the storage and opens it again.
func (p *place) reopen(t *testing.T) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	p.Store = p.another(t)
}
