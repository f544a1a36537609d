package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/ostiary/ostiary/internal/netguard"
)

const (
	crowds   = 64 // that hosts are divided among
	atOnce   = 4  // fetches of one crowd
	patience = 5 * time.Second
)

// turns bound how many documents are fetched at once, from one host and in all:
// anybody can name URLs, and what is fetched is somebody else's to bear. Who
// can't tell hosts' crowds apart can't keep another host's waiting on purpose.
type turns struct {
	seed   maphash.Seed
	crowds [crowds]chan struct{}
}

func newTurns() *turns {
	t := &turns{seed: maphash.MakeSeed()}
	for i := range t.crowds {
		t.crowds[i] = make(chan struct{}, atOnce)
	}
	return t
}

// errCrowded says nothing of a host: it is we who are at work.
var errCrowded = errors.New("too much is fetched at once")

// take waits for a turn, for a while. The error wraps netguard.ErrDown and
// errCrowded.
func (t *turns) take(ctx context.Context, host string) (done func(), err error) {
	crowd := t.crowds[maphash.String(t.seed, host)%crowds]
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case crowd <- struct{}{}:
		return func() { <-crowd }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s %w: %w: %w", host, netguard.ErrDown, errCrowded, ctx.Err())
	}
}
