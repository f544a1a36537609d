package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/store"
)

// claimFirst claims this process's log. On the way it looks after the logs
// that others left behind: it claims names until it meets one that was never
// used, ends the calls that were cut off, and gives back all but the first.
func (l *Log) claimFirst(ctx context.Context) error {
	used, err := l.db.Logs(ctx)
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for {
		h, err := l.claim(ctx)
		if err != nil {
			l.giveBack()
			return err
		}
		if !l.held.CompareAndSwap(nil, h) {
			defer h.release()
		}
		if used[h.name] == 0 {
			return nil
		}
		if err := l.recover(ctx, h); err != nil {
			l.giveBack()
			return err
		}
	}
}

func (l *Log) claim(ctx context.Context) (*held, error) {
	name, release, err := l.db.Claim(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("claim a log: %w", err)
	}
	return &held{name, release}, nil
}

func (l *Log) giveBack() {
	if h := l.held.Load(); h != nil {
		h.release()
	}
}

// replace claims another log in place of one that was lost.
func (l *Log) replace(ctx context.Context, lost *held) error {
	l.claiming.Lock()
	defer l.claiming.Unlock()
	if l.held.Load() != lost {
		return nil // somebody was faster
	}
	h, err := l.claim(ctx)
	if err != nil {
		return err
	}
	l.mine[lost.name] = true
	if !l.mine[h.name] { // our own calls may still be under way
		if err := l.recover(ctx, h); err != nil {
			h.release()
			return err
		}
	}
	l.held.Store(h)
	lost.release()
	l.logger.Warn("the audit log was taken over by another instance; went on in another", "lost", lost.name, "log", h.name)
	return nil
}

var errProbe = errors.New("only asking")

// probe finds out whether the log is still ours, and replaces it if not.
// It asks with an entry that withdraws itself.
func (l *Log) probe(ctx context.Context) error {
	h := l.held.Load()
	var tx store.Tx
	tx.Append(store.Append{Log: h.name, Time: l.clock.Now(), Line: func(uint64) ([]byte, error) { return nil, errProbe }})
	_, err := l.db.Commit(ctx, tx)
	if errors.Is(err, store.ErrLogTaken) {
		return l.replace(ctx, h)
	}
	if errors.Is(err, errProbe) {
		return nil
	}
	return err
}
