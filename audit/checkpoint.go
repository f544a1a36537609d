package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint says how many entries each log had at a time, and the root of
// the Merkle tree over them. Whoever keeps one outside can later tell whether
// anything before it was changed or removed.
type Checkpoint struct {
	Time time.Time
	Logs []LogState // in the order of their names
}

// A LogState is one log as a checkpoint saw it.
type LogState struct {
	Log  string    `json:"log"`
	Size uint64    `json:"size"`
	Root tlog.Hash `json:"root"` // RFC 6962 section 2.1
}

// ErrCheckpoint means that bytes are no checkpoint, or not one signed with
// the key that was expected.
var ErrCheckpoint = errors.New("not a valid checkpoint")

const checkpointTitle = "ostiary audit checkpoint v1\n"

// text is what is signed: a title, the time, and a line for each log.
func (c Checkpoint) text() string {
	var b strings.Builder
	b.WriteString(checkpointTitle)
	fmt.Fprintln(&b, c.Time.UTC().Format(time.RFC3339Nano))
	for _, l := range c.Logs {
		fmt.Fprintln(&b, l.Log, l.Size, base64.StdEncoding.EncodeToString(l.Root[:]))
	}
	return b.String()
}

// ParseCheckpoint reads one signed note and checks its signature.
func ParseCheckpoint(signed []byte, key note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	c, err := parseText(n.Text)
	if err == nil && (c.text() != n.Text || !strict(n.Sigs)) {
		err = errors.New("not as it was written")
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return c, nil
}

// strict says whether signatures are encoded in the one right way; the note
// package ignores the bits that padding leaves over.
func strict(sigs []note.Signature) bool {
	for _, s := range sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return false
		}
	}
	return true
}

func parseText(text string) (c Checkpoint, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 || lines[0]+"\n" != checkpointTitle {
		return c, errors.New("unknown title")
	}
	if c.Time, err = time.Parse(time.RFC3339Nano, lines[1]); err != nil {
		return c, err
	}
	c.Logs = make([]LogState, len(lines)-2)
	for i, line := range lines[2:] {
		if c.Logs[i], err = parseState(line); err != nil {
			return c, fmt.Errorf("line %d: %w", i+3, err)
		}
	}
	return c, nil
}

func parseState(line string) (s LogState, err error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return s, errors.New("want name, size and root")
	}
	s.Log = fields[0]
	if s.Size, err = strconv.ParseUint(fields[1], 10, 63); err != nil {
		return s, err
	}
	s.Root, err = tlog.ParseHash(fields[2])
	return s, err
}

// splitNotes cuts a file of notes, one after the other, into notes.
func splitNotes(file []byte) [][]byte {
	var notes [][]byte
	for len(file) > 0 {
		end := len(file)
		if i := bytes.Index(file[1:], []byte(checkpointTitle)); i >= 0 {
			end = i + 1
		}
		if n := bytes.TrimLeft(file[:end], "\n"); len(n) > 0 {
			notes = append(notes, n)
		}
		file = file[end:]
	}
	return notes
}
