package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// longestLine bounds what is read of one line of an export: its header
// carries many checkpoints.
const longestLine = 64 << 20

// VerifyExport recomputes everything from an export, without storage or any
// secret. What is wrong stands in the report; an error means that the export
// could not be read, or that a key is none.
func VerifyExport(ctx context.Context, in io.Reader, o VerifyOptions) (Report, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	lines.Split(wholeLines)
	v := &exportCheck{}
	if err := v.header(lines, o); err != nil {
		return Report{}, fmt.Errorf("verify an export: %w", err)
	}
	if v.covering == nil { // the header says nothing that can be checked against
		return v.finish(), nil
	}
	for x := range inOrder(linesOf(ctx, lines), checkExported) {
		v.take(x)
	}
	if err := errors.Join(ctx.Err(), unread(lines)); err != nil {
		return Report{}, fmt.Errorf("verify an export: %w", err)
	}
	return v.end(), nil
}

// An exportCheck follows an export from line to line.
type exportCheck struct {
	checker
	covering map[string]LogState
	order    []string   // the logs that are still to come or not over
	hashes   exportLine // the last ones, and of how many the lines are still to come
	unproven *leaf      // a selected entry whose proof must come next
	ended    bool
}

// An exported line is an entry, or another line of the export.
type exported struct {
	leaf
	other *exportLine
}

func checkExported(line []byte) exported {
	if !bytes.HasPrefix(line, []byte(exportMark)) {
		return exported{leaf: checkLine(line)}
	}
	return exported{other: parseExportLine(line)}
}

// parseExportLine reads a line just as Export writes it: no signature covers
// these lines, so nothing in them may be otherwise. A line that is otherwise
// is the zero exportLine, which is no line of an export.
func parseExportLine(line []byte) *exportLine {
	var l exportLine
	if err := json.Unmarshal(line, &l); err != nil {
		return &exportLine{}
	}
	if as, err := json.Marshal(l); err != nil || !bytes.Equal(as, line) {
		return &exportLine{}
	}
	return &l
}

// wholeLines cuts after line feeds, and nothing else: what an editor adds to
// the end of a line or takes from the end of the file shows.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errCutOff
	}
	return 0, nil, nil
}

// errCutOff means that the last line has no end.
var errCutOff = errors.New("the last line has no end")

func linesOf(ctx context.Context, s *bufio.Scanner) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for ctx.Err() == nil && s.Scan() {
			if !yield(bytes.Clone(s.Bytes())) {
				return
			}
		}
	}
}

// unread is why the scanner stopped; a line too long or without an end is a
// fault of the export, not of reading it.
func unread(s *bufio.Scanner) error {
	if err := s.Err(); !errors.Is(err, bufio.ErrTooLong) && !errors.Is(err, errCutOff) {
		return err
	}
	return nil
}

func (v *exportCheck) header(lines *bufio.Scanner, o VerifyOptions) error {
	h := &exportLine{}
	if lines.Scan() {
		h = parseExportLine(lines.Bytes())
	}
	if h.Ostiary != exportHeader || h.Version != exportVersion {
		v.problem("", nil, "The first line is not the header of an export (version %d).", exportVersion)
		return unread(lines)
	}
	v.Selected, v.KeyEmbedded = h.Selected, o.PublicKey == ""
	key, err := v.key(o, h.PublicKey)
	switch {
	case err == nil:
		if strings.TrimSpace(o.PublicKey) != h.PublicKey && !v.KeyEmbedded {
			v.problem("", nil, "The header names another public key than the given one.")
		}
		v.covered(h.Checkpoints, key)
		v.given(o.Checkpoints, key)
	case v.KeyEmbedded:
		v.problem("", nil, "The header has no public key.")
	default:
		return err
	}
	return nil
}

// covered takes the checkpoints of the header, of which the last one covers
// the export.
func (v *exportCheck) covered(notes []string, key note.Verifier) {
	for i, n := range notes {
		p, err := ParseCheckpoint([]byte(n), key)
		if err != nil {
			v.problem("", nil, "Checkpoint %d of the header does not count: %v.", i+1, err)
			continue
		}
		v.expect(p, "the export's")
		if i == len(notes)-1 {
			v.covering = map[string]LogState{}
			for _, s := range p.Logs {
				v.covering[s.Log] = s
				v.order = append(v.order, s.Log)
			}
		}
	}
	if len(notes) == 0 {
		v.problem("", nil, "The header has no checkpoint.")
	}
}

func (v *exportCheck) take(x exported) {
	switch {
	case v.ended:
		v.once("Something follows the end of the export.")
	case x.other == nil && v.Selected:
		v.selected(x.leaf)
	case x.other == nil:
		v.entry(x.leaf)
	case x.other.Ostiary == exportHashes && !v.Selected:
		v.announce(*x.other)
	case x.other.Ostiary == exportProof && v.Selected:
		v.proof(x.other)
	case x.other.Ostiary == exportEnd:
		v.ended = true
		if x.other.Entries != v.Entries {
			v.problem("", nil, "The export has %d entries and says that it has %d.", v.Entries, x.other.Entries)
		}
	default:
		v.once("A line is neither an entry nor another line of an export.")
	}
}

// once adds a problem of the whole export, if it was not added before.
func (v *exportCheck) once(what string) {
	for _, p := range v.Problems {
		if p.What == what {
			return
		}
	}
	v.problem("", nil, "%s", what)
}

// entry takes a line of a whole export. One that can't be read is taken to
// stand where the last one's successor should.
func (v *exportCheck) entry(x leaf) {
	if x.log == "" {
		x.log, x.seq = v.next()
	}
	if _, known := v.covering[x.log]; !known {
		v.once("There are entries of " + strconv.Quote(x.log) + ", which no checkpoint of the export covers.")
		return
	}
	v.said(x)
	v.add(x)
}

// said compares an entry with the hash that stands in front of it.
func (v *exportCheck) said(x leaf) {
	l, said := v.log(x.log), &v.hashes
	if l.broken || x.flaw != "" || x.seq != uint64(l.tree.Size) {
		return // that is problem enough
	}
	if len(said.Hashes) == 0 || x.log != said.Log || x.seq != said.Seq {
		v.breaks(x.log, x.seq, "has no hash in front of it")
		return
	}
	v.compare(x, said.Hashes[0])
	said.Seq, said.Hashes = said.Seq+1, said.Hashes[1:]
}

// announce takes the hashes of the entries that come next.
func (v *exportCheck) announce(next exportLine) {
	v.unused()
	l := v.log(next.Log)
	if !l.broken && next.Seq != uint64(l.tree.Size) {
		v.once("There are hashes of entries that do not come next.")
	}
	v.hashes = next
}

// unused looks for hashes whose entries did not come.
func (v *exportCheck) unused() {
	if len(v.hashes.Hashes) > 0 && !v.log(v.hashes.Log).broken {
		v.once("There are hashes whose entries do not follow them.")
	}
	v.hashes = exportLine{}
}

// next is where the next entry should stand.
func (v *exportCheck) next() (log string, seq uint64) {
	for len(v.order) > 0 {
		log = v.order[0]
		if seq = uint64(v.log(log).tree.Size); seq < v.covering[log].Size {
			return log, seq
		}
		v.order = v.order[1:]
	}
	return "", 0
}

// selected takes an entry of an export that holds some of them.
func (v *exportCheck) selected(x leaf) {
	v.missingProof()
	v.Entries++
	if x.flaw != "" {
		v.once("An entry " + x.flaw + ".")
		return
	}
	v.unproven = &x
}

func (v *exportCheck) missingProof() {
	if x := v.unproven; x != nil {
		v.problem(x.log, &x.seq, "has no proof")
		v.unproven = nil
	}
}

func (v *exportCheck) proof(p *exportLine) {
	x := v.unproven
	if x == nil {
		v.once("A proof has no entry.")
		return
	}
	v.unproven = nil
	s, known := v.covering[x.log]
	if !known || tlog.CheckRecord(p.Proof, int64(s.Size), s.Root, int64(x.seq), x.hash) != nil {
		v.problem(x.log, &x.seq, "is not in the log that the checkpoint covers")
	}
}

// end looks for what should have come. Of a selection that is nothing but
// the end itself.
func (v *exportCheck) end() Report {
	v.missingProof()
	if !v.ended {
		v.problem("", nil, "The export has no end: it was cut off.")
	}
	if v.Selected {
		v.sort()
		return v.Report
	}
	v.unused()
	v.uncovered()
	return v.finish()
}

// uncovered looks for entries beyond what the newest checkpoint covers: no
// signature speaks for them, so anybody could have written them.
func (v *exportCheck) uncovered() {
	for name, s := range v.covering {
		l := v.log(name)
		if size := uint64(l.tree.Size); !l.broken && size > s.Size {
			v.breaks(name, s.Size, "this one and all after it are beyond what the export's newest checkpoint covers")
		}
	}
}
