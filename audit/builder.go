package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

// buildAtOnce is how many entries are added to a tree between two commits.
const buildAtOnce = 20_000

// A builder adds to the tree of one log what was appended to the log. More
// than one may build the same tree: the first to commit wins, and the others
// go on from there. It is not safe for concurrent use.
type builder struct {
	r     *Reader
	log   string
	calls *calls  // nil: the low-water mark is not ours to move
	seen  uint64  // entries that calls knows of
	made  *recent // lines that need not be read; nil: none

	loaded  bool
	dirty   bool
	kept    head
	version store.Version
	tiles   tiles
}

// extendTries bounds how often a builder goes on from where another was faster.
const extendTries = 10

// extend builds up to the newest entry.
func (b *builder) extend(ctx context.Context) error {
	for range extendTries {
		if err := b.tryExtend(ctx); err != nil || b.loaded {
			return err
		}
	}
	return nil // others are building it
}

// tryExtend leaves b unloaded when another builder was faster.
func (b *builder) tryExtend(ctx context.Context) error {
	if err := b.load(ctx); err != nil {
		return err
	}
	sizes, err := b.r.db.Logs(ctx)
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	if have := sizes[b.log]; have < uint64(b.kept.Tree.Size) {
		return fmt.Errorf("%s has %d entries and had %d: %w", b.log, have, b.kept.Tree.Size, store.ErrTampered)
	}
	from := uint64(b.kept.Tree.Size)
	if b.calls != nil {
		from = min(from, b.seen)
	}
	seq := from
	for m, err := range b.lines(ctx, from, sizes[b.log]) {
		if err != nil {
			return errors.Join(fmt.Errorf("build the tree of %s: %w", b.log, err), b.save(ctx))
		}
		b.add(seq, m)
		seq++
		if b.kept.Tree.Size%buildAtOnce != 0 {
			continue
		}
		if err := b.save(ctx); err != nil || !b.loaded {
			return err
		}
	}
	return b.save(ctx)
}

// lines are those from a number up to the size that the log has by now.
func (b *builder) lines(ctx context.Context, from, size uint64) iter.Seq2[made, error] {
	known := b.made.take(b.log, from, size)
	return func(yield func(made, error) bool) {
		for _, m := range known {
			if !yield(m, nil) {
				return
			}
		}
		if known != nil {
			return
		}
		for p, err := range b.r.lines(ctx, b.log, from) {
			m := made{plain: p.plain}
			if b.calls != nil && err == nil {
				m.about = aboutOf(p.plain)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (b *builder) add(seq uint64, m made) {
	if seq == uint64(b.kept.Tree.Size) {
		b.kept.Tree.add(tlog.RecordHash(m.plain), b.tiles.put)
		b.dirty = true
	}
	if b.calls != nil && seq >= b.seen {
		b.calls.see(seq, m.about)
		b.seen = seq + 1
	}
}

func (b *builder) load(ctx context.Context) (err error) {
	if b.loaded {
		return nil
	}
	if b.kept, b.version, err = b.r.head(ctx, b.log); err != nil {
		return err
	}
	b.seen = max(b.seen, b.kept.Low)
	b.tiles, err = b.r.loadTiles(ctx, b.log, b.kept.Tree.Size)
	if errors.Is(err, errNoTile) {
		// The log itself is what counts: begin again.
		b.kept.Tree, b.tiles, err = tree{}, tiles{}, nil
	}
	b.loaded = err == nil
	return err
}

// save keeps what was built. After an error it can be tried again.
func (b *builder) save(ctx context.Context) error {
	if b.calls != nil {
		low := b.calls.low(b.seen)
		b.dirty = b.dirty || low != b.kept.Low
		b.kept.Low = low
	}
	if !b.dirty {
		return nil
	}
	var tx store.Tx
	if err := b.r.heads.Update(ctx, &tx, b.log, b.kept, b.version); err != nil {
		return err
	}
	b.tiles.write(&tx, b.r, b.log)
	receipt, err := b.r.db.Commit(ctx, tx)
	if errors.Is(err, store.ErrConflict) {
		b.loaded, b.dirty = false, false // somebody was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep the tree of %s: %w", b.log, err)
	}
	b.version, b.dirty = receipt.Versions[0], false
	b.tiles.dropFull()
	return nil
}
