package sqlite

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// write executes effects. A key's old row is known from reading the state.
func (w *writer) write(ctx context.Context, e *batch.Effects) error {
	for _, k := range e.Deletes {
		if err := w.remove(ctx, k); err != nil {
			return fmt.Errorf("delete a record of kind %s: %w", k.Kind, err)
		}
	}
	for i := range e.Puts {
		if err := w.put(ctx, &e.Puts[i]); err != nil {
			return fmt.Errorf("put a record of kind %s: %w", e.Puts[i].Key.Kind, err)
		}
	}
	for name, c := range e.Counters {
		if _, err := w.stmts.setCounter.ExecContext(ctx, blob(name), c.Value, millis(c.Expires)); err != nil {
			return fmt.Errorf("set a counter: %w", err)
		}
	}
	for _, c := range e.Changes {
		if _, err := w.stmts.addChange.ExecContext(ctx, int64(c.Number), string(c.Key.Kind), blob(c.Key.ID), int64(c.Version)); err != nil {
			return fmt.Errorf("announce a change: %w", err)
		}
	}
	return w.append(ctx, e.Entries)
}

func (w *writer) append(ctx context.Context, entries []store.Entry) error {
	for len(entries) > 0 {
		run := entries[:runOf(entries)]
		entries = entries[len(run):]
		first := &run[0]
		index, line := first.Index, notNull(first.Line)
		if len(run) > 1 {
			index, line = packRun(w.packed[:0], run)
			w.keep(line)
		}
		at := place(w.known.logs[first.Log].num, first.Seq)
		if _, err := w.stmts.addEntries.ExecContext(ctx, at, len(run), first.Time.UnixMicro(), pack(index), line); err != nil {
			return fmt.Errorf("append to log %s: %w", first.Log, err)
		}
		if err := w.note(ctx, run, index); err != nil {
			return err
		}
	}
	return nil
}

// notNull keeps an empty line from being stored as NULL.
func notNull(line []byte) []byte {
	if line == nil {
		return []byte{}
	}
	return line
}

func (w *writer) put(ctx context.Context, p *batch.Put) error {
	old := w.known.rows[p.Key]
	packed := pack(p.Index)
	if old.Born == p.Born {
		return w.update(ctx, p, old, packed)
	}
	if err := w.remove(ctx, p.Key); err != nil {
		return err
	}
	_, err := w.stmts.insert.ExecContext(ctx,
		int64(p.Born), string(p.Key.Kind), blob(p.Key.ID), int64(p.Version), millis(p.Expires), packed, p.Value)
	if err != nil {
		return err
	}
	return w.index(ctx, p)
}

func (w *writer) update(ctx context.Context, p *batch.Put, old row, packed []byte) error {
	_, err := w.stmts.update.ExecContext(ctx, int64(p.Version), millis(p.Expires), packed, p.Value, int64(p.Born))
	if err != nil || bytes.Equal(packed, old.packed) {
		return err
	}
	if err := w.unindex(ctx, p.Key.Kind, old); err != nil {
		return err
	}
	return w.index(ctx, p)
}

// remove deletes the row that a key has, expired or not.
func (w *writer) remove(ctx context.Context, k store.Key) error {
	old := w.known.rows[k]
	if old.Born == 0 {
		return nil
	}
	if _, err := w.stmts.delete.ExecContext(ctx, int64(old.Born)); err != nil {
		return err
	}
	return w.unindex(ctx, k.Kind, old)
}

func (w *writer) index(ctx context.Context, p *batch.Put) error {
	for _, x := range p.Index {
		_, err := w.stmts.index.ExecContext(ctx, string(p.Key.Kind), x.Name, blob(x.Value), int64(p.Born))
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) unindex(ctx context.Context, kind store.Kind, old row) error {
	xs, err := unpack(old.packed)
	if err != nil {
		return err
	}
	for _, x := range xs {
		if _, err := w.stmts.unindex.ExecContext(ctx, string(kind), x.Name, blob(x.Value), int64(old.Born)); err != nil {
			return err
		}
	}
	return nil
}
