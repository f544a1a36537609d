package limit

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store/storetest"
)

func taken(l *Limiter, key string, tries int) (n int) {
	for range tries {
		if l.Take(key) == 0 {
			n++
		}
	}
	return n
}

func TestAnAllowanceEndsAndFillsUpAgain(t *testing.T) {
	clock := storetest.NewClock()
	l := New(clock, Rate{10, time.Minute})
	if got := taken(l, "a", 30); got != 10 {
		t.Errorf("got %d of 30, want 10", got)
	}
	if got, want := l.Take("a"), 6*time.Second; got != want {
		t.Errorf("got wait %s, want %s", got, want)
	}
	clock.Move(5 * time.Second)
	if got, want := l.Take("a"), time.Second; got != want {
		t.Errorf("got wait %s, want %s", got, want)
	}
	clock.Move(time.Second)
	if got := taken(l, "a", 5); got != 1 {
		t.Errorf("got %d after the wait, want 1", got)
	}
	clock.Move(time.Hour)
	if got := taken(l, "a", 30); got != 10 {
		t.Errorf("got %d after an hour, want 10", got)
	}
}

func TestWhatIsReturnedDoesNotCount(t *testing.T) {
	l := New(storetest.NewClock(), Rate{2, time.Minute})
	for range 20 {
		if wait := l.Take("a"); wait != 0 {
			t.Fatalf("got wait %s, want none", wait)
		}
		l.Return("a")
	}
	l.Return("a")
	if got := taken(l, "a", 5); got != 2 {
		t.Errorf("got %d, want 2: returning never makes more than the rate", got)
	}
}

func TestKeysDoNotShare(t *testing.T) {
	l := New(storetest.NewClock(), Rate{1, time.Minute})
	if taken(l, "a", 2) != 1 || taken(l, "b", 2) != 1 {
		t.Error("one key used up another's allowance")
	}
}

func TestARateOfZeroLimitsNothing(t *testing.T) {
	l := New(storetest.NewClock(), Rate{})
	if got := taken(l, "a", 1000); got != 1000 {
		t.Errorf("got %d, want 1000", got)
	}
	l.Return("a")
}

func TestMadeUpKeysShareOneAllowanceWhenThereAreTooMany(t *testing.T) {
	clock := storetest.NewClock()
	l := New(clock, Rate{1, time.Minute})
	for i := range maxKeys {
		l.Take(strconv.Itoa(i))
	}
	if got := taken(l, "x", 1) + taken(l, "y", 1) + taken(l, "z", 1); got != 1 {
		t.Errorf("got %d for three new keys, want 1", got)
	}
	if got := len(l.full); got > maxKeys+1 {
		t.Errorf("remembers %d keys, want at most %d", got, maxKeys+1)
	}
	clock.Move(time.Minute)
	if got := taken(l, "x", 1) + taken(l, "y", 1); got != 2 {
		t.Errorf("got %d once the old ones are full again, want 2", got)
	}
}

func TestOfManyAtOnceNoMoreThanTheRateGetThrough(t *testing.T) {
	l := New(storetest.NewClock(), Rate{5, time.Minute})
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { got.Add(int64(taken(l, "a", 1))) })
	}
	wg.Wait()
	if got.Load() != 5 {
		t.Errorf("got %d, want 5", got.Load())
	}
}
