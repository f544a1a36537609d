package audit

import (
	"context"
	"errors"
	"fmt"
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

	own     *builder
	sizes   map[string]int64 // how far the others were at the last checkpoint
	missed  uint64           // entries without a line, when last looked
	trouble string           // what was logged last, so that it is logged once
}

func startKeeper(l *Log, interval time.Duration) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{
		log: l, interval: interval, stop: cancel, done: make(chan struct{}),
		sizes: map[string]int64{},
	}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	look, checkpoint := time.NewTicker(lookEvery), time.NewTicker(k.interval)
	defer look.Stop()
	defer checkpoint.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			k.report(ctx, errors.Join(k.probe(ctx), k.build(ctx)))
		case <-k.log.recent.many:
			k.report(ctx, k.build(ctx))
		case <-checkpoint.C:
			k.report(ctx, k.checkpoint(ctx))
		}
	}
}

// close makes the last checkpoint.
func (k *keeper) close(ctx context.Context) error {
	k.stop()
	<-k.done
	return k.checkpoint(ctx)
}

// report logs trouble when it is new.
func (k *keeper) report(ctx context.Context, err error) {
	switch {
	case err == nil:
		k.trouble = ""
	case ctx.Err() == nil && err.Error() != k.trouble:
		k.trouble = err.Error()
		k.log.logger.Error("the audit log could not be looked after", "error", err)
	}
}

// probe asks for the claim after entries were handed over whose lines nobody
// asked for: most often a conflict, but it may be that the log was lost.
func (k *keeper) probe(ctx context.Context) error {
	missed := k.log.handed.Load() - k.log.made.Load()
	if missed == k.missed {
		return nil
	}
	if err := k.log.probe(ctx); err != nil {
		return fmt.Errorf("check the claim: %w", err)
	}
	k.missed = missed
	return nil
}

// build brings the tree of our own log up to date.
func (k *keeper) build(ctx context.Context) error {
	if name := k.log.held.Load().name; k.own == nil || k.own.log != name {
		k.own = &builder{r: k.log.Reader, log: name, calls: newCalls(), made: &k.log.recent}
	}
	return k.own.extend(ctx)
}

func (k *keeper) checkpoint(ctx context.Context) error {
	if err := errors.Join(k.build(ctx), k.buildOthers(ctx)); err != nil {
		return err
	}
	signed, fresh, err := k.log.compose(ctx)
	if err == nil && fresh {
		k.log.mirror.copy(signed)
	}
	return err
}

// buildOthers builds the trees that have not grown since the last checkpoint
// although their logs have: their instance is gone.
func (k *keeper) buildOthers(ctx context.Context) error {
	logs, err := k.log.db.Logs(ctx)
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for name, size := range logs {
		if name == k.own.log {
			continue
		}
		if err := k.buildOther(ctx, name, int64(size)); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) buildOther(ctx context.Context, name string, size int64) error {
	h, _, err := k.log.head(ctx, name)
	if err != nil {
		return err
	}
	before, known := k.sizes[name]
	k.sizes[name] = h.Tree.Size
	if h.Tree.Size >= size || !known || before != h.Tree.Size {
		return nil
	}
	b := &builder{r: k.log.Reader, log: name}
	return b.extend(ctx)
}
