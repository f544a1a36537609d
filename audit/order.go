package audit

import (
	"iter"
	"runtime"
)

// orderedAtOnce is how many items one goroutine takes in one go.
const orderedAtOnce = 256

// inOrder does work on many items at once and yields the results in the
// order of the items. work is called concurrently; in is read by another
// goroutine, but never after inOrder's loop has ended.
func inOrder[I, O any](in iter.Seq[I], work func(I) O) iter.Seq[O] {
	return func(yield func(O) bool) {
		results := make(chan chan []O, 2*runtime.GOMAXPROCS(0))
		stop := make(chan struct{})
		go produce(in, work, results, stop)
		defer func() {
			close(stop)
			for range results { // until the producer has ended
			}
		}()
		for some := range results {
			for _, o := range <-some {
				if !yield(o) {
					return
				}
			}
		}
	}
}

func produce[I, O any](in iter.Seq[I], work func(I) O, results chan<- chan []O, stop <-chan struct{}) {
	defer close(results)
	var items []I
	send := func() bool {
		some, batch := make(chan []O, 1), items
		items = make([]I, 0, orderedAtOnce)
		select {
		case results <- some:
		case <-stop:
			return false
		}
		go func() { some <- workAll(batch, work) }()
		return true
	}
	for item := range in {
		items = append(items, item)
		if len(items) == orderedAtOnce && !send() {
			return
		}
	}
	send()
}

func workAll[I, O any](items []I, work func(I) O) []O {
	out := make([]O, len(items))
	for i, item := range items {
		out[i] = work(item)
	}
	return out
}
