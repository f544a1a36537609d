package audit

import (
	"context"
	"time"
)

// lookEvery is how often the keeper looks for work.
const lookEvery = time.Second

// A keeper looks after a log in the background: it finds out when the claim
// was lost, builds trees, and makes checkpoints.
type keeper struct {
	log      *Log
	interval time.Duration
	stop     context.CancelFunc
	done     chan struct{}
	missed   uint64 // entries without a line, when last looked
}

func startKeeper(l *Log, interval time.Duration) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{log: l, interval: interval, stop: cancel, done: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			k.look(ctx)
		}
	}
}

// look asks for the claim after entries were handed over whose lines nobody
// asked for: most often a conflict, but it may be that the log was lost.
func (k *keeper) look(ctx context.Context) {
	missed := k.log.handed.Load() - k.log.made.Load()
	if missed == k.missed {
		return
	}
	k.missed = missed
	if err := k.log.probe(ctx); err != nil && ctx.Err() == nil {
		k.log.logger.Error("the claim of the audit log could not be checked", "error", err)
	}
}

func (k *keeper) close(context.Context) error {
	k.stop()
	<-k.done
	return nil
}
