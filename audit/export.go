package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

// An export is lines of JSON. The first is a header with signed checkpoints;
// then come entries, byte for byte as they were hashed, log by log; then an
// end. In a whole export the hashes of up to 256 lines stand in front of
// them, so that a verifier can say which line is not what it was; in one of
// selected entries each is followed by the proof that it is in its log (RFC
// 6962 section 2.1.1).
// Lines that are no entries begin with the member "ostiary".
const (
	exportMark    = `{"ostiary":`
	exportVersion = 1
	exportHeader  = "audit export"
	exportHashes  = "hashes"
	exportProof   = "proof"
	exportEnd     = "end"
)

// exportNotes bounds how many earlier checkpoints an export carries.
const exportNotes = 1000

// An exportLine is any line of an export that is no entry.
type exportLine struct {
	Ostiary     string      `json:"ostiary"` // which of them
	Version     int         `json:"version,omitempty"`
	PublicKey   string      `json:"public_key,omitempty"`
	Selected    bool        `json:"selected,omitempty"`
	Checkpoints []string    `json:"checkpoints,omitempty"` // oldest first; the last covers the export
	Log         string      `json:"log,omitempty"`
	Seq         uint64      `json:"seq,omitempty"`
	Hashes      []tlog.Hash `json:"hashes,omitempty"` // of the lines from Seq on
	Proof       []tlog.Hash `json:"proof,omitempty"`
	Entries     uint64      `json:"entries,omitempty"`
}

// Export writes what q selects, all logs for the zero Query, to w. Limit and
// Cursor of q don't count. It makes a checkpoint first, which covers all that
// was appended until then, and needs no running gateway.
func (r *Reader) Export(ctx context.Context, w io.Writer, q Query) error {
	q.Limit, q.Cursor = 0, ""
	buffered := bufio.NewWriterSize(w, 1<<16)
	x := &exporter{r: r, w: buffered, json: json.NewEncoder(buffered)}
	if err := x.export(ctx, q); err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	return nil
}

type exporter struct {
	r       *Reader
	w       *bufio.Writer
	json    *json.Encoder
	states  map[string]LogState
	entries uint64
}

func (x *exporter) export(ctx context.Context, q Query) error {
	selected := q != Query{}
	states, err := x.header(ctx, selected)
	if err != nil {
		return err
	}
	if selected {
		err = x.selection(ctx, q)
	} else {
		err = x.all(ctx, states)
	}
	if err != nil {
		return err
	}
	if err := x.json.Encode(exportLine{Ostiary: exportEnd, Entries: x.entries}); err != nil {
		return err
	}
	return x.w.Flush()
}

func (x *exporter) header(ctx context.Context, selected bool) ([]LogState, error) {
	covering, err := x.r.cover(ctx)
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(covering, x.r.signer)
	if err != nil {
		return nil, err
	}
	notes, err := x.r.keptNotes(ctx)
	if err != nil {
		return nil, err
	}
	h := exportLine{Ostiary: exportHeader, Version: exportVersion, PublicKey: x.r.PublicKey(), Selected: selected}
	for _, n := range slices.Backward(notes[:min(len(notes), exportNotes)]) {
		if string(n) != string(covering) {
			h.Checkpoints = append(h.Checkpoints, string(n))
		}
	}
	h.Checkpoints = append(h.Checkpoints, string(covering))
	x.states = map[string]LogState{}
	for _, s := range c.Logs {
		x.states[s.Log] = s
	}
	return c.Logs, x.json.Encode(h)
}

// all writes every log up to where the checkpoint covers it.
func (x *exporter) all(ctx context.Context, states []LogState) error {
	for _, s := range states {
		if err := x.log(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) log(ctx context.Context, s LogState) error {
	var some [][]byte // the lines under one tile
	next := uint64(0)
	for p, err := range x.r.lines(ctx, s.Log, 0) {
		if err != nil {
			return err
		}
		if next == s.Size {
			break
		}
		next++
		some = append(some, p.plain)
		if next%tileWidth != 0 && next != s.Size {
			continue
		}
		if err := x.tile(s.Log, next-uint64(len(some)), some); err != nil {
			return err
		}
		some = some[:0]
	}
	if next != s.Size {
		return fmt.Errorf("%s has %d entries and had %d: %w", s.Log, next, s.Size, store.ErrTampered)
	}
	return nil
}

// tile writes the hashes of some lines, and the lines.
func (x *exporter) tile(log string, seq uint64, some [][]byte) error {
	hashes := exportLine{Ostiary: exportHashes, Log: log, Seq: seq, Hashes: make([]tlog.Hash, len(some))}
	for i, plain := range some {
		hashes.Hashes[i] = tlog.RecordHash(plain)
	}
	if err := x.json.Encode(hashes); err != nil {
		return err
	}
	for _, plain := range some {
		if err := x.line(plain); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) line(plain []byte) error {
	x.entries++
	if _, err := x.w.Write(plain); err != nil {
		return err
	}
	return x.w.WriteByte('\n')
}

// selection writes what q selects, each with its proof. What was appended
// after the checkpoint is left out.
func (x *exporter) selection(ctx context.Context, q Query) error {
	for {
		page, err := x.r.search(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			s := x.states[e.Log]
			if e.Seq >= s.Size {
				continue
			}
			plain, err := x.r.seals.open(e)
			if err != nil {
				return err
			}
			if err := x.proven(ctx, plain, s, e.Seq); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

func (x *exporter) proven(ctx context.Context, plain []byte, s LogState, seq uint64) error {
	proof, err := x.r.prove(ctx, s, seq)
	if err != nil {
		return err
	}
	if err := x.line(plain); err != nil {
		return err
	}
	return x.json.Encode(exportLine{Ostiary: exportProof, Log: s.Log, Seq: seq, Proof: proof})
}

// prove returns the proof that an entry is in the tree of a log.
func (r *Reader) prove(ctx context.Context, s LogState, seq uint64) (tlog.RecordProof, error) {
	of := tlog.Tree{N: int64(s.Size), Hash: s.Root}
	proof, err := tlog.ProveRecord(of.N, int64(seq), tlog.TileHashReader(of, tileReader{ctx, r, s.Log}))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d of %s: %w", seq, s.Log, err)
	}
	return proof, nil
}

// cover builds the trees of all logs up to now and makes a checkpoint.
func (r *Reader) cover(ctx context.Context) ([]byte, error) {
	logs, err := r.db.Logs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	for name := range logs {
		b := builder{r: r, log: name}
		if err := b.extend(ctx); err != nil {
			return nil, err
		}
	}
	signed, _, err := r.compose(ctx)
	return signed, err
}
