package approval

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/store"
)

// A place is one of the MaxPending that a subject's requests may wait at.
// Each pending request has one and asserts that it was free, so that never
// more wait than may, on any number of instances; and two that ask at once
// are in each other's way only where they take the same. It is free again
// with the end of its request, in the same commit or at the same instant.
type place struct {
	Number  int       `json:"number"` // from 0
	Expires time.Time `json:"expires"`
	Whose   string    `json:"whose"`
}

// Row implements store.Rower. It names nobody that the index doesn't.
func (p place) Row() store.Row {
	return store.Row{Expires: p.Expires, Index: []store.Index{{Name: "whose", Value: p.Whose}}}
}

func (p place) id() string { return join(p.Whose, strconv.Itoa(p.Number)) }

// takePlace adds to tx that r waits at a free place, and returns its id: "" where
// there is no limit. It returns ErrTooMany when none is free.
func (s *Service) takePlace(ctx context.Context, tx *store.Tx, r Request) (string, error) {
	if s.config.MaxPending == 0 {
		return "", nil
	}
	p := place{Whose: join(string(r.Tenant), string(r.Subject)), Expires: r.ExpiresAt}
	taken, err := s.places.All(ctx, store.Index{Name: "whose", Value: p.Whose})
	if err != nil {
		return "", err
	}
	free := s.freePlaces(taken)
	if len(free) == 0 {
		return "", ErrTooMany
	}
	p.Number = free[anyOf(len(free))]
	return p.id(), s.places.Create(ctx, tx, p.id(), p)
}

func (s *Service) freePlaces(taken []store.Item[place]) []int {
	if len(taken) >= s.config.MaxPending { // also of a larger number, before it was made smaller
		return nil
	}
	is := map[int]bool{}
	for _, it := range taken {
		is[it.Value.Number] = true
	}
	var free []int
	for n := range s.config.MaxPending {
		if !is[n] {
			free = append(free, n)
		}
	}
	return free
}

// anyOf is a number below n by chance: many who ask at once spread out.
func anyOf(n int) int {
	var b [8]byte
	rand.Read(b[:])
	return int(binary.LittleEndian.Uint64(b[:]) % uint64(n))
}
