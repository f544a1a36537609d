package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

// VerifyOptions are what the one who verifies brings along. The zero
// VerifyOptions brings nothing.
type VerifyOptions struct {
	// Checkpoints are signed notes that were kept outside, one after the
	// other, as in a mirror. They show what was cut off.
	Checkpoints []byte
	// PublicKey is the key to check signatures with, as Reader.PublicKey
	// writes it; "" takes the storage's own, or the one inside the export.
	PublicKey string
}

// Verify recomputes everything from storage: that every line opens where it
// stands and is canonical, that none is missing, and that the trees are those
// of every checkpoint. What is wrong stands in the report; an error means
// that storage could not be read.
func (r *Reader) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	c := &checker{}
	key, err := c.key(o, r.PublicKey())
	if err != nil {
		return Report{}, err
	}
	if err := r.expectKept(ctx, c, key); err != nil {
		return Report{}, fmt.Errorf("verify the audit log: %w", err)
	}
	c.given(o.Checkpoints, key)
	logs, err := r.db.Logs(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify the audit log: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		if err := r.verifyLog(ctx, c, name); err != nil {
			return Report{}, fmt.Errorf("verify %s: %w", name, err)
		}
	}
	return c.finish(), nil
}

func (c *checker) key(o VerifyOptions, otherwise string) (note.Verifier, error) {
	c.PublicKey = otherwise
	if o.PublicKey != "" {
		c.PublicKey = o.PublicKey
	}
	return ParsePublicKey(c.PublicKey)
}

// given adds the checkpoints of a file.
func (c *checker) given(file []byte, key note.Verifier) {
	for i, n := range splitNotes(file) {
		p, err := ParseCheckpoint(n, key)
		if err != nil {
			c.problem("", nil, "Checkpoint %d of the given file does not count: %v.", i+1, err)
			continue
		}
		c.expect(p, "the given")
	}
}

// expectKept adds the checkpoints and heads that are in storage. They are
// read before the logs, which only grow.
func (r *Reader) expectKept(ctx context.Context, c *checker, key note.Verifier) error {
	notes, err := r.keptNotes(ctx)
	if errors.Is(err, store.ErrTampered) {
		c.problem("", nil, "The checkpoints in storage were changed from outside.")
	} else if err != nil {
		return err
	}
	for _, n := range notes {
		p, err := ParseCheckpoint(n, key)
		if err != nil {
			c.problem("", nil, "A checkpoint in storage does not count: %v.", err)
			continue
		}
		c.expect(p, "the kept")
	}
	states, err := r.states(ctx)
	if errors.Is(err, store.ErrTampered) {
		c.problem("", nil, "The heads of the trees in storage were changed from outside.")
		return nil
	}
	for _, s := range states {
		c.expectState(s, "the kept tree")
	}
	return err
}

// keptNotes are the checkpoints in storage, newest first.
func (r *Reader) keptNotes(ctx context.Context) ([][]byte, error) {
	newest, _, err := r.latest.Get(ctx, latest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	items, err := r.checkpoints.All(ctx, store.Index{})
	if err != nil {
		return nil, err
	}
	notes := [][]byte{newest.Note}
	for _, item := range items {
		if !slices.Equal(item.Value.Note, newest.Note) {
			notes = append(notes, item.Value.Note)
		}
	}
	return notes, nil
}

func (r *Reader) verifyLog(ctx context.Context, c *checker, name string) error {
	var failed error
	leaves := inOrder(r.stored(ctx, name, &failed), r.checkStored)
	var hashes []byte
	for x := range leaves {
		if x.seq%tileWidth == 0 {
			hashes = r.tileHashes(ctx, name, x.seq)
		}
		if i := int(x.seq%tileWidth) * tlog.HashSize; i+tlog.HashSize <= len(hashes) {
			c.compare(x, tlog.Hash(hashes[i:i+tlog.HashSize]))
		}
		c.add(x)
	}
	return failed
}

// stored are the entries of a log up to the first that can't be read.
func (r *Reader) stored(ctx context.Context, name string, failed *error) iter.Seq[store.Entry] {
	return func(yield func(store.Entry) bool) {
		for e, err := range r.db.Entries(ctx, name, 0) {
			if err != nil {
				*failed = err
				return
			}
			if !yield(e) {
				return
			}
		}
	}
}

func (r *Reader) checkStored(e store.Entry) leaf {
	plain, err := r.seals.open(e)
	if err != nil {
		return leaf{log: e.Log, seq: e.Seq, flaw: "does not open: it was changed, or stands in another's place"}
	}
	l := checkLine(plain)
	if l.flaw == "" && (l.log != e.Log || l.seq != e.Seq) {
		l.flaw = "says that it stands elsewhere"
	}
	l.log, l.seq = e.Log, e.Seq
	return l
}

// tileHashes are the kept hashes from entry seq on, as many as there are.
func (r *Reader) tileHashes(ctx context.Context, log string, seq uint64) []byte {
	rec, err := r.db.Get(ctx, r.tileKey(log, tileAt{0, int64(seq / tileWidth)}))
	if err != nil {
		return nil // the tree is checked all the same; this only says where it breaks
	}
	return rec.Value
}
