package task

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/store"
)

// maxOpen is how many open tasks one person may have in a tenant.
const maxOpen = 64

// A place is one of the maxOpen that a person's open tasks may have. Each open
// task has one and asserts that it was free, so that never more are open than
// may, on any number of instances. It ends with the task, in the same commit
// or at the same instant.
type place struct {
	Number int       `json:"number"` // from 0
	Whose  string    `json:"whose"`
	Ends   time.Time `json:"ends"`
}

// Row implements store.Rower. It names nobody that the index doesn't.
func (p place) Row() store.Row {
	return store.Row{Expires: p.Ends, Index: []store.Index{{Name: "whose", Value: p.Whose}}}
}

func (p place) id() string { return p.Whose + "/" + strconv.Itoa(p.Number) }

// whose are the places of the holder: no two lists of parts give the same.
func (h Holder) whose() string {
	return strconv.Itoa(len(h.Tenant)) + ":" + string(h.Tenant) + ":" + string(h.Subject)
}

// takePlace gives a new task a free place, and adds to tx that it was free.
func (s *Tasks) takePlace(ctx context.Context, tx *store.Tx, t *Task) error {
	p := place{Whose: t.Holder.whose(), Ends: t.Ends}
	taken, err := s.places.All(ctx, store.Index{Name: "whose", Value: p.Whose})
	if err != nil {
		return wrap("look for a free place", err)
	}
	free := freePlaces(taken)
	if len(free) == 0 {
		return ErrTooMany
	}
	p.Number = free[anyOf(len(free))]
	t.Place = p.id()
	return s.places.Create(ctx, tx, p.id(), p)
}

func freePlaces(taken []store.Item[place]) []int {
	var is [maxOpen]bool
	for _, it := range taken {
		if n := it.Value.Number; n < maxOpen {
			is[n] = true
		}
	}
	var free []int
	for n, taken := range is {
		if !taken {
			free = append(free, n)
		}
	}
	return free
}

// anyOf is a number below n, and n at most 256, by chance: many who ask at
// once spread out.
func anyOf(n int) int {
	var b [1]byte
	rand.Read(b[:])
	return int(b[0]) % n
}
